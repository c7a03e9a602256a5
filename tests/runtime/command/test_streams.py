"""A command whose stdout or stderr is closed, full or read by nobody ends as documented, and never in a traceback."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tsn.runtime.command.streams import open_streams

COMMAND = f"{sys.executable} -m tsn.runtime.cli"
pytestmark = pytest.mark.posix
needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@pytest.fixture
def shell(tiny_bundle: Path, drawn: Callable[..., Any], tmp_path: Path) -> Callable[[str], Any]:
    """Run tsn-run with words and redirections for the shell, beside a picture `in.png`; $BUNDLE is a bundle."""
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")

    def run(words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", f"{COMMAND} {words}"],
            cwd=tmp_path,
            env={**os.environ, "BUNDLE": str(tiny_bundle)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    return run


def test_without_stderr_a_run_goes_on_and_stdout_holds_the_document_alone(
    shell: Callable[[str], Any], tmp_path: Path
) -> None:
    ended = shell("$BUNDLE in.png -s stripes -o out.png --json 2>&-")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["output"] == "out.png"
    Image.open(tmp_path / "out.png").verify()


def test_without_any_stream_messages_are_not_written_into_the_files_that_are_opened(
    shell: Callable[[str], Any], tmp_path: Path
) -> None:
    assert shell("$BUNDLE in.png -s stripes -o out.png <&- >&- 2>&-").returncode == 0
    Image.open(tmp_path / "out.png").verify()


def test_without_stderr_a_mistake_keeps_its_exit_code(shell: Callable[[str], Any]) -> None:
    ended = shell("$BUNDLE gone.png -s stripes 2>&-")
    assert (ended.returncode, ended.stdout) == (4, "")


@needs_full
def test_a_run_goes_on_where_its_progress_cannot_be_written(shell: Callable[[str], Any], tmp_path: Path) -> None:
    assert shell("$BUNDLE in.png -s stripes -o out.png 2>/dev/full").returncode == 0
    assert (tmp_path / "out.png").is_file()


@needs_full
@pytest.mark.parametrize("words", ["--help", "--version", "$BUNDLE --list-styles", "$BUNDLE in.png -s stripes --json"])
@pytest.mark.parametrize(
    ("place", "reason"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_a_stdout_that_cannot_be_written_ends_with_5_and_one_line(
    shell: Callable[[str], Any], words: str, place: str, reason: str
) -> None:
    ended = shell(f"{words} --quiet {place}")
    assert ended.returncode == 5
    assert ended.stderr == f"tsn-run: cannot write to stdout: {reason}\n"


def test_a_reader_of_stdout_that_goes_away_is_one_line(tiny_bundle: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    words = [*COMMAND.split(), str(tiny_bundle), "--list-styles"]
    ended = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(write)
    assert ended.returncode == 5
    assert ended.stderr == "tsn-run: cannot write to stdout: Broken pipe\n"


class Console(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("system", "kept"), [("win32", True), ("linux", False)])
def test_a_console_of_windows_stays_for_it_takes_characters(
    monkeypatch: pytest.MonkeyPatch, system: str, kept: bool
) -> None:
    console = Console()
    monkeypatch.setattr(sys, "platform", system)
    for name in ("stdout", "__stdout__", "stderr", "__stderr__"):
        monkeypatch.setattr(sys, name, console)
    open_streams()
    assert (sys.stdout is console) == kept
    assert (sys.stderr is console) == kept
