"""tsn-train where neither torch nor YAML is installed: help, and one line that says what to install."""

import subprocess
import sys

import pytest

ABSENT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"yaml", "torch", "torchvision", "tensorboard"}} - {{{present!r}}}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
from tsn.train.cli import main
main()
"""


def tsn_train(*words: str, present: str = "") -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", ABSENT.format(present=present), *words]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=120)


def test_help_lists_every_option() -> None:
    ended = tsn_train("--help")
    assert ended.returncode == 0, ended.stderr
    for option in ("--content", "--config", "--batch-size", "--keep-checkpoints"):
        assert option in ended.stdout


@pytest.mark.parametrize(("present", "lacks"), [("", "yaml"), ("yaml", "torch")])
def test_a_run_ends_with_3_and_the_command_that_installs_what_is_missing(present: str, lacks: str) -> None:
    ended = tsn_train("--content", "a", "--styles", "b", "-o", "c", "--config", "smoke", present=present)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith(f"tsn-train: {lacks} is not installed. Run: ")
    assert "pip install " in ended.stderr
    assert ended.stderr.count("\n") == 1
