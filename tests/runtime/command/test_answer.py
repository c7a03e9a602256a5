"""With --json a command prints exactly one document, however it ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

COMMAND = """
import time
import click
from tsn.runtime.command.answer import answer_with
from tsn.runtime.command.run import run_command
from tsn.runtime.errors import BundleError

@click.command(name="tsn-try")
@click.option("--json", "as_json", is_flag=True)
@click.argument("words", nargs=-1)
def command(as_json: bool, words: tuple[str, ...]) -> None:
    {body}

run_command(command)
"""


def tried(body: str, *words: str) -> subprocess.CompletedProcess[str]:
    """How a command that does `body` ends in a process of its own."""
    program = [sys.executable, "-c", COMMAND.format(body=body), *words]
    return subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["--frobnicate"], 2, "usage"),
        (["--quality", "500"], 2, "usage"),
        (["--style", "stripes", "--alpha", "2"], 2, "usage"),
        (["--style", "stripes", "--backend", "abacus"], 3, "unavailable"),
        (["--style", "strpes"], 4, "input"),
        (["--style", "stripes", "-o", "in.mp4"], 5, "output"),
    ],
)
def test_a_mistake_is_one_document_on_stdout_and_its_line_on_stderr(
    run: Call, write_video: Call, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: list[str], code: int, kind: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "in.mp4")
    ended = run(tiny_bundle, "in.mp4", "--json", *words)
    error = json.loads(ended.out).pop("error")
    assert (ended.code, error["exit_code"], error["kind"]) == (code, code, kind)
    assert error["message"] in ended.err
    assert error["cure"] in ended.err
    assert set(error) == {"exit_code", "kind", "message", "cure"}


def test_a_damaged_input_is_told_in_the_report_itself(
    run: Call, tiny_bundle: Path, write_video: Call, drawn: Call, tmp_path: Path
) -> None:
    source = write_video(tmp_path / "in.mkv", frames=[drawn(index, width=160, height=120) for index in range(40)])
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    ended = run(tiny_bundle, source, "--style", "stripes", "--json")
    report = json.loads(ended.out)
    assert ended.code == report["error"]["exit_code"] == 7
    assert report["error"]["kind"] == "incomplete"
    assert report["frames"]["missing"] > 0


def test_what_was_found_stays_beside_the_error_that_came_after() -> None:
    ended = tried("answer_with({'found': 3}); raise BundleError('it is too new', cure='Update')", "--json")
    error = {"exit_code": 6, "kind": "bundle", "message": "it is too new", "cure": "Update"}
    assert json.loads(ended.stdout) == {"found": 3, "error": error}
    assert ended.stderr == "tsn-try: it is too new. Update\n"


def test_without_json_nothing_of_it_is_on_stdout() -> None:
    for words in ([], ["--", "--json"]):
        assert tried("raise BundleError('gone')", *words).stdout == ""


def test_a_bug_is_a_document_too_and_keeps_its_traceback() -> None:
    ended = tried("raise TypeError('ours')", "--json")
    assert json.loads(ended.stdout)["error"]["kind"] == "bug"
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


@pytest.mark.parametrize(
    ("number", "code", "kind"), [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_is_a_document(number: signal.Signals, code: int, kind: str) -> None:
    program = COMMAND.format(body="click.echo('ready', err=True); time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", program, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(number)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert json.loads(out)["error"] == {"exit_code": code, "kind": kind, "message": kind, "cure": ""}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_document_that_cannot_be_printed_leaves_the_exit_code_of_the_error() -> None:
    program = COMMAND.format(body="raise BundleError('gone')")
    ended = subprocess.run(
        ["bash", "-c", '"$0" -c "$1" --json >/dev/full', sys.executable, program],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 6
    assert ended.stderr.splitlines() == ["tsn-try: gone", "tsn-try: cannot write to stdout: No space left on device"]


def test_a_traceback_that_is_asked_for_leaves_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSN_DEBUG", "1")
    ended = tried("raise BundleError('gone')")
    assert ended.returncode == 6
    assert "BundleError: gone" in ended.stderr
    assert ended.stderr.endswith("tsn-try: gone\n")
