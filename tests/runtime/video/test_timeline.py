"""Times that jump: joined streams, wrapped clocks; and times that only seem to."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.test_reader_and_writer import copy, packets, times

Draw = Callable[..., Any]
CLOCK = Fraction(2**33, 90_000)  # seconds after which the clock of a transport stream is at 0 again


@pytest.fixture
def part(write_video: Draw, drawn: Draw, tmp_path: Path) -> Path:
    """Two seconds of a transport stream with sound."""
    frames = [drawn(index) for index in range(50)]
    return write_video(
        tmp_path / "part.ts", frames=frames, time_base=Fraction(1, 90_000), options={"g": "25"}, audio=["aac"]
    )


def begun_at(seconds: float, source: Path) -> bytes:
    """The same stream by a clock that is at `seconds` when it begins."""
    target = source.with_name("later.ts")
    with (
        av.open(str(source)) as given,
        av.open(str(target), "w", options={"output_ts_offset": f"{seconds:.3f}"}) as later,
    ):
        copies = {stream.index: later.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                later.mux(packet)
    return target.read_bytes()


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 100), (100, 0)])
def test_transport_streams_joined_end_to_end_run_on(part: Path, tmp_path: Path, first: int, second: int) -> None:
    joined = tmp_path / "joined.ts"
    joined.write_bytes(begun_at(first, part) + begun_at(second, part))
    reader, writer, stages = copy(joined, tmp_path / "out.mp4")
    shown = times(tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing, writer.notes) == (100, 0, [])
    assert all(after - before == Fraction(1, 25) for before, after in pairwise(shown))
    [sound], [before] = packets(tmp_path / "out.mp4", "audio"), packets(part, "audio")
    assert len(sound) == 2 * len(before)
    distances = [late[0] - early[0] for early, late in zip(sound, sound[len(before) :], strict=False)]
    picture = shown[50] - shown[0]
    assert all(abs(distance - picture) < 0.001 for distance in distances[3:])  # the first may overlap what came before


def test_a_start_in_the_second_of_joined_streams_is_found(part: Path, tmp_path: Path) -> None:
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 2)
    _, _, stages = copy(joined, tmp_path / "out.mp4", start=Fraction(5, 2), duration=Fraction(1))
    assert stages.frames_out == 25
    [sound] = packets(tmp_path / "out.mp4", "audio")
    assert -0.03 < sound[0][0] <= 0
    assert 0.95 < sound[-1][0] < 1


@pytest.mark.parametrize("before", [1, 5])  # seconds before the clock wraps: in the middle, and after the end
def test_a_clock_that_wraps_runs_on(part: Path, tmp_path: Path, before: int) -> None:
    wrapped = tmp_path / "wrapped.ts"
    wrapped.write_bytes(begun_at(float(CLOCK) - before, part))
    copy(wrapped, tmp_path / "out.mp4")
    shown = times(tmp_path / "out.mp4")
    assert len(shown) == 50
    assert all(later - earlier == Fraction(1, 25) for earlier, later in pairwise(shown))
    _, _, stages = copy(wrapped, tmp_path / "half.mp4", start=Fraction(1))
    assert stages.frames_out in (25, 26)  # the sound begins a little before the picture


def test_matroska_files_joined_end_to_end_run_on(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", frames=[drawn(index) for index in range(50)], audio=["flac"])
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(source.read_bytes() * 2)
    copy(joined, tmp_path / "out.mp4")
    shown = times(tmp_path / "out.mp4")
    assert len(shown) == 100
    assert all(after - before == pytest.approx(1 / 25, abs=0.002) for before, after in pairwise(shown))


def test_a_picture_that_stays_for_long_is_no_jump(write_video: Draw, tmp_path: Path) -> None:
    seconds = [0, 1, 31, 32, 100, 101, 102, 103]
    source = write_video(tmp_path / "in.mkv", ticks=[1000 * at for at in seconds], time_base=Fraction(1, 1000))
    copy(source, tmp_path / "out.mkv")
    assert times(tmp_path / "out.mkv") == seconds


def test_sound_that_pauses_for_long_in_a_transport_stream_is_no_jump(drawn: Draw, tmp_path: Path) -> None:
    source = tmp_path / "in.ts"
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=1)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        for second in range(25):
            picture = av.VideoFrame.from_ndarray(drawn(second), format="rgb24").reformat(format="yuv420p")
            picture.pts, picture.time_base = second, Fraction(1)
            container.mux(video.encode(picture))
            for start in range(0, 48_000, 1000) if not 3 <= second < 20 else ():
                tone = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), format="fltp", layout="mono")
                tone.sample_rate, tone.pts, tone.time_base = 48_000, second * 48_000 + start, Fraction(1, 48_000)
                container.mux(audio.encode(tone))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    copy(source, tmp_path / "out.mp4")
    assert all(after - before == 1 for before, after in pairwise(times(tmp_path / "out.mp4")))
    [sound] = packets(tmp_path / "out.mp4", "audio")
    assert max(after[0] - before[0] for before, after in pairwise(sound)) == pytest.approx(17, abs=0.1)
