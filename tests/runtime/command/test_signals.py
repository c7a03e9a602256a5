"""What is left when a run is stopped, or the disk ends: nothing but the input."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = [sys.executable, "-m", "tsn.runtime.cli"]


@pytest.fixture
def long_clip(write_video: Callable[..., Any], drawn: Callable[..., Any], tmp_path: Path) -> Path:
    return write_video(tmp_path / "in.mp4", frames=[drawn(index, width=320, height=240) for index in range(300)])


@pytest.mark.posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_no_file_behind(tiny_bundle: Path, long_clip: Path, number: int, code: int) -> None:
    words = [*COMMAND, str(tiny_bundle), str(long_clip), "--style", "stripes", "--threads", "1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while (
            len(list(long_clip.parent.iterdir())) == 1 and process.poll() is None
        ):  # the unfinished file is not there yet
            time.sleep(0.02)
        time.sleep(0.3)
        assert process.poll() is None, "the run ended before it could be stopped"
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert [path.name for path in long_clip.parent.iterdir()] == ["in.mp4"]


HANGING = """
import threading
from tsn.runtime import cli
from tsn.runtime import threads as overlap
from tsn.runtime.video import writer as video_writer
overlap._LAST_ITEM = 0.5
video_writer.VideoWriter._mux = lambda self, packets: threading.Event().wait()
cli.main()
"""


@pytest.mark.posix
@pytest.mark.parametrize("frames", [2, 300])  # it hangs when it is flushed, and while frames are on their way
def test_ctrl_c_ends_a_run_whose_encoder_hangs(
    tiny_bundle: Path, write_video: Callable[..., Any], drawn: Callable[..., Any], tmp_path: Path, frames: int
) -> None:
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(frames)])
    words = [sys.executable, "-c", HANGING, str(tiny_bundle), str(source), "--style", "stripes", "--threads", "1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while len(list(tmp_path.iterdir())) == 1 and process.poll() is None:  # the unfinished file is not there yet
            time.sleep(0.02)
        time.sleep(2)
        assert process.poll() is None, "the run ended before it could be stopped"
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


SWALLOWED = """
import queue, signal, sys, threading, time
from tsn.runtime.command.signals import Interruption
from tsn.runtime.errors import Terminated

if "as on Windows" in sys.argv:
    del signal.pthread_kill
interruption = Interruption()
interruption.listen()
try:
    print("ready", flush=True)
    threading.Event().wait(60)
except BaseException as error:
    first = error
del first  # a library that dropped it, and waits for a lock that nobody gives back
try:
    if "as on Windows" in sys.argv:  # where only a wait with an end looks up
        while True:
            try:
                queue.Queue().get(timeout=0.1)
            except queue.Empty:
                continue
    queue.Queue().get()
except (KeyboardInterrupt, Terminated) as error:
    again = type(error)
    time.sleep(1.2)  # clean-up, which is left in peace
interruption.end()
time.sleep(1.2)
print(again.__name__, interruption.number.name)
"""


@pytest.mark.posix
@pytest.mark.parametrize("system", ["here", "as on Windows"])
@pytest.mark.parametrize(
    ("number", "printed"), [(signal.SIGINT, "KeyboardInterrupt SIGINT"), (signal.SIGTERM, "Terminated SIGTERM")]
)
def test_an_interruption_that_a_library_swallows_is_raised_again(number: int, printed: str, system: str) -> None:
    words = [sys.executable, "-c", SWALLOWED, system]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, errors = process.communicate(timeout=30)
    assert (out, errors, process.returncode) == (f"{printed}\n", "", 0)


@pytest.mark.posix
def test_a_full_disk_is_one_line_and_leaves_no_file_behind(tiny_bundle: Path, long_clip: Path) -> None:
    import resource  # there is none on Windows

    def no_large_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    words = [*COMMAND, str(tiny_bundle), str(long_clip), "--style", "stripes", "--quality", "100", "--quiet"]
    ended = subprocess.run(words, capture_output=True, text=True, preexec_fn=no_large_files, check=False, timeout=120)
    assert ended.returncode == 5, ended.stderr
    assert "in_stripes.mp4: " in ended.stderr  # the name that was asked for, not that of the unfinished file
    assert ".part" not in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in long_clip.parent.iterdir()] == ["in.mp4"]
