"""An interruption ends a command whatever a library makes of the exception that it raises."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import time
from pathlib import Path
import click
from tsn.runtime.files import whole_folder
from tsn.runtime.command.run import run_command

def wait() -> None:
    print("ready", flush=True)
    time.sleep({seconds})

@click.command(name="tsn-wait")
def command() -> None:
    with whole_folder(Path("out"), marker="m") as folder:
        (folder / "m").touch()
{body}

run_command(command)
"""
# What libraries do: forget the exception and go on, make another of it, forget it in a clean-up that takes long.
BODIES = {
    "raised": """
        wait()
""",
    "forgotten": """
        try:
            wait()
        except KeyboardInterrupt:
            pass
        except BaseException:
            pass
        time.sleep(60)
""",
    "forgotten in a destructor": """
        class Waiting:
            def __del__(self):
                wait()
        Waiting()
        time.sleep(60)
""",
    "wrapped": """
        try:
            wait()
        except BaseException as error:
            raise TypeError("failed to unpack the object") from None
""",
    "cleaned up for long": """
        try:
            wait()
        finally:
            time.sleep(1.5)
            Path("cleaned").touch()
""",
}


@pytest.mark.posix
@pytest.mark.parametrize(
    ("number", "code", "line"), [(signal.SIGINT, 130, "stopped"), (signal.SIGTERM, 143, "terminated")]
)
@pytest.mark.parametrize("what", BODIES)
def test_a_signal_ends_the_command_with_one_line_and_leaves_nothing(
    tmp_path: Path, what: str, number: signal.Signals, code: int, line: str
) -> None:
    program = COMMAND.format(body=BODIES[what], seconds=60)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert errors.strip().splitlines()[-1] == f"tsn-wait: {line}"
    if "destructor" not in what:  # of which Python itself prints a traceback
        assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == (["cleaned"] if "cleaned" in what else [])


@pytest.mark.posix
def test_a_second_signal_does_not_disturb_the_clean_up(tmp_path: Path) -> None:
    program = COMMAND.format(body=BODIES["cleaned up for long"], seconds=60)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["cleaned"]


def test_an_error_without_a_signal_is_a_bug_and_keeps_its_traceback(tmp_path: Path) -> None:
    program = COMMAND.format(body=BODIES["raised"].replace("wait()", "raise TypeError('ours')"), seconds=0)
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "TypeError: ours" in ended.stderr
    assert list(tmp_path.iterdir()) == []
