"""What the commands do where only the base package is installed."""

import subprocess
import sys

import pytest

EXTRAS = ("torch", "torchvision", "matplotlib", "onnx", "psutil", "yaml")
WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys({extras})); from tsn.benchmarks.{command}.cli import main; main()"
)


def run_without_extras(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT.format(extras=EXTRAS, command=command)
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("command", "name"), [("throughput", "tsn-bench"), ("quality", "tsn-evaluate")])
def test_help_needs_no_extra(command: str, name: str) -> None:
    ended = run_without_extras(command, "--help")
    assert ended.returncode == 0, ended.stderr
    assert f"Usage: {name} " in ended.stdout


def test_a_measurement_without_its_extra_is_one_line_that_names_what_is_missing() -> None:
    ended = run_without_extras("throughput", "--quick")
    assert ended.returncode == 3
    assert len(ended.stderr.splitlines()) == 1
    assert any(library in ended.stderr for library in EXTRAS)
    assert "pip install" in ended.stderr
