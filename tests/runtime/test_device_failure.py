"""A device that fails in mid-run: what was written so far is kept, under a name of its own that the error gives."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tsn.runtime import transfer
from tsn.runtime.backends import Backend, Session, Tensor, open_backend
from tsn.runtime.errors import DeviceError, UnavailableError

FRAMES = 30
Run = Callable[..., Any]


class Dying:
    """The CPU's backend, whose network `stylize` fails at a frame, counted from 0."""

    name, description, concurrency, notes = "cpu", "a device that fails", 1, ()
    in_host_memory = True
    nvdec = None

    def __init__(self, at: int, failure: BaseException) -> None:
        self._backend: Backend = open_backend("cpu", threads=1)
        self._at, self._failure = at, failure
        self.upload, self.interrupt = self._backend.upload, self._backend.interrupt

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        session = self._backend.load(network, concurrency=concurrency)
        done = 0

        def call(**inputs: Tensor) -> Mapping[str, Tensor]:
            nonlocal done
            done += 1
            if network.stem == "stylize" and done > self._at:
                raise self._failure
            return session(**inputs)

        return call


@pytest.fixture
def clip(write_video: Run, drawn: Run, tmp_path: Path) -> Path:
    """1.2 seconds with sound."""
    return write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(FRAMES)], audio=["aac"])


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, BaseException], None]:
    """Let tsn-run's device fail at a frame."""

    def install(at: int, failure: BaseException) -> None:
        monkeypatch.setattr(transfer, "open_backend", lambda name, *, threads: Dying(at, failure))

    return install


def seconds(path: Path, kind: str) -> Fraction:
    """Where the last packet of the first track of a kind begins."""
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return max(packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None)


@pytest.mark.parametrize("held", ["--temporal", "--no-temporal"])
def test_the_frames_before_the_failure_are_kept_with_their_sound_and_named(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, frames_of: Run, tmp_path: Path, held: str
) -> None:
    fail(20, DeviceError("the GPU fell off the bus"))
    ended = run(tiny_bundle, clip, "--style", "stripes", "-o", tmp_path / "out.mp4", held)
    part = tmp_path / "out.part.mp4"
    assert ended.code == 3
    assert "Traceback" not in ended.err
    assert (
        f"tsn-run: the GPU fell off the bus. The 20 frames before are kept in {part}. "
        "Go on where they end with --start 0.8"
    ) in ended.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.part.mp4"]
    assert len(frames_of(part)) == 20
    assert 0.75 < seconds(part, "audio") <= 0.8 < seconds(clip, "audio")
    with av.open(str(part)) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(0.8, abs=0.05)


def test_the_part_and_the_rest_are_the_whole(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, frames_of: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (tiny_bundle, clip, "--style", "stripes", "--no-temporal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "open_backend", lambda name, *, threads: Dying(20, DeviceError("gone")))
        said = run(*arguments, "-o", tmp_path / "out.mp4").err
    start = said.split("--start ")[1].split()[0]
    assert run(*arguments, "-o", tmp_path / "rest.mp4", "--start", start).code == 0
    assert len(frames_of(tmp_path / "out.part.mp4")) + len(frames_of(tmp_path / "rest.mp4")) == FRAMES


def test_a_part_is_never_written_over_a_file(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, frames_of: Run, tmp_path: Path
) -> None:
    (tmp_path / "out.part.mp4").write_bytes(b"an earlier part")
    (tmp_path / "out.mp4").write_bytes(b"an earlier output")
    fail(20, DeviceError("gone"))
    ended = run(tiny_bundle, clip, "--style", "stripes", "-o", tmp_path / "out.mp4", "--overwrite")
    assert "out.part2.mp4" in ended.err
    assert (tmp_path / "out.part.mp4").read_bytes() == b"an earlier part"
    assert (tmp_path / "out.mp4").read_bytes() == b"an earlier output"
    assert len(frames_of(tmp_path / "out.part2.mp4")) == 20


def test_too_little_memory_in_mid_run_is_such_a_failure_too(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, tmp_path: Path
) -> None:
    fail(3, UnavailableError("there is not enough GPU memory"))
    assert "The 3 frames before are kept" in run(tiny_bundle, clip, "--style", "stripes").err
    assert (tmp_path / "in_stripes.part.mp4").is_file()


@pytest.mark.parametrize(("at", "failure", "code"), [(0, DeviceError("gone"), 3), (20, KeyboardInterrupt(), 130)])
def test_a_failure_at_the_first_frame_and_ctrl_c_leave_nothing(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, tmp_path: Path, at: int, failure: BaseException, code: int
) -> None:
    fail(at, failure)
    assert run(tiny_bundle, clip, "--style", "stripes", "-o", tmp_path / "out.mp4").code == code
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_part_that_cannot_be_kept_is_an_error_of_both(
    run: Run, tiny_bundle: Path, clip: Path, fail: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tsn.runtime.errors import OutputError

    def full(unfinished: Path, path: Path) -> Path:
        raise OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(transfer, "keep_part", full)
    fail(20, DeviceError("gone"))
    ended = run(tiny_bundle, clip, "--style", "stripes", "-o", tmp_path / "out.mp4")
    assert ended.code == 3
    assert "gone. The 20 frames before are lost: cannot write" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]
