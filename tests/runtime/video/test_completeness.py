"""What a file promises: healthy ones are whole, and what a cut-off one lacks is counted."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tests.runtime.video.test_reader_and_writer import copy, times
from tsn.runtime.errors import InputError

Draw = Callable[..., Any]


def remuxed(source: Path, target: Path, *, change: Callable[[Any], bool] = lambda packet: True, **options: str) -> Path:
    """The packets of the first video track for which `change`, which may alter them, says so."""
    with av.open(str(source)) as given, av.open(str(target), "w", options=options) as taken:
        stream = taken.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None and change(packet):
                packet.stream = stream
                taken.mux(packet)
    return target


def cut_off(source: Path, share: float = 0.6) -> Path:
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * share)])
    return source


@pytest.fixture
def clip(write_video: Draw, drawn: Draw, tmp_path: Path) -> Callable[[str], Path]:
    """A whole clip of 60 frames, 25 a second, in the container of a suffix."""
    frames = [drawn(index) for index in range(60)]

    def write(suffix: str) -> Path:
        if suffix == ".avi":
            motion = {"codec": "mjpeg", "pixel_format": "yuvj420p", "options": {}, "time_base": Fraction(1, 25)}
            return write_video(tmp_path / "in.avi", frames=frames, **motion)
        if suffix == ".mp4":
            drawn_to = write_video(tmp_path / "drawn.mp4", frames=frames, options={"g": "20"})
            return remuxed(drawn_to, tmp_path / "in.mp4", movflags="faststart")
        return write_video(tmp_path / f"in{suffix}", frames=frames, time_base=Fraction(1, 1000), options={"g": "20"})

    return write


def test_a_last_frame_that_stays_for_seconds_is_no_damage(write_video: Draw, tmp_path: Path) -> None:
    def stay(packet: Any) -> bool:
        packet.duration = 5000 if packet.pts == 280 else packet.duration
        return True

    drawn_to = write_video(tmp_path / "drawn.mkv", time_base=Fraction(1, 1000), options={"bf": "0"})
    source = remuxed(drawn_to, tmp_path / "in.mkv", change=stay)
    reader, _, stages = copy(source, tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing) == (8, 0)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration == pytest.approx(5.28 * av.time_base, abs=2)


def test_a_frame_that_an_avi_file_repeats_is_no_damage(write_video: Draw, tmp_path: Path) -> None:
    motion = {"codec": "mjpeg", "pixel_format": "yuvj420p", "options": {}, "time_base": Fraction(1, 25)}
    source = write_video(tmp_path / "in.avi", ticks=[0, 1, 2, 5, 9, 10, 20, 21], **motion)
    with av.open(str(source)) as container:
        assert container.streams.video[0].frames == 22  # the empty ones with them
    reader, _, stages = copy(source, tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing, reader.expected) == (8, 0, 8)
    assert times(tmp_path / "out.mp4")[-1] == Fraction(21, 25)


def test_what_an_edit_list_hides_is_no_damage(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    def earlier(packet: Any) -> bool:
        packet.pts -= 15 * 512
        packet.dts -= 15 * 512
        return packet.dts >= -7 * 512

    frames = [drawn(index) for index in range(40)]
    drawn_to = write_video(tmp_path / "drawn.mp4", frames=frames, options={"g": "10"})
    source = remuxed(drawn_to, tmp_path / "in.mp4", change=earlier)
    reader, _, stages = copy(source, tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing, reader.expected) == (25, 0, 25)


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".flv", ".mp4"])
def test_a_whole_file_lacks_nothing_and_a_cut_off_one_what_lies_behind_the_cut(
    clip: Callable[[str], Path], tmp_path: Path, suffix: str
) -> None:
    reader, _, stages = copy(clip(suffix), tmp_path / "whole.mp4")
    assert (stages.frames_out, reader.missing) == (60, 0)
    reader, _, stages = copy(cut_off(clip(suffix)), tmp_path / "out.mp4")
    assert 20 < stages.frames_out < 50
    assert stages.frames_out + reader.missing == pytest.approx(60, abs=2)  # a header may be rounded, or count a delay


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".mp4"])
def test_of_a_part_only_what_was_asked_for_is_missing(clip: Callable[[str], Path], tmp_path: Path, suffix: str) -> None:
    source = cut_off(clip(suffix))

    def missing(**part: Any) -> tuple[int, int]:
        reader, _, stages = copy(source, tmp_path / "out.mp4", **part)
        return stages.frames_out, reader.missing

    assert missing(duration=Fraction(1, 2)) == (13, 0)  # 0 to 0.48 s at 25 a second
    assert missing(max_frames=5) == (5, 0)
    frames, lost = missing(duration=Fraction(2))
    assert lost > 0
    assert frames + lost == pytest.approx(50, abs=1)
    frames, lost = missing(start=Fraction(1, 2), max_frames=40)
    assert lost > 0
    assert frames + lost == 40
    with pytest.raises(InputError, match="long and cut off"):
        missing(start=Fraction(23, 10))


def test_a_cut_off_avi_file_with_repeated_frames_is_noticed(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    motion = {"codec": "mjpeg", "pixel_format": "yuvj420p", "options": {}, "time_base": Fraction(1, 25)}
    frames = [drawn(index) for index in range(40)]
    source = write_video(tmp_path / "in.avi", frames=frames, ticks=[3 * index for index in range(40)], **motion)
    reader, _, stages = copy(cut_off(source), tmp_path / "out.mp4")
    assert stages.frames_out + reader.missing == pytest.approx(40, abs=2)


def test_a_start_within_a_long_frame_shows_that_frame(write_video: Draw, tmp_path: Path) -> None:
    ticks = [0, 2000, 2040, 2080, 2120, 2160, 2200, 5300]
    source = write_video(tmp_path / "in.mkv", ticks=ticks, time_base=Fraction(1, 1000), options={"bf": "0"})
    copy(source, tmp_path / "out.mp4", start=Fraction(1))
    assert times(tmp_path / "out.mp4") == [0, *(Fraction(tick - 1000, 1000) for tick in ticks[1:])]


def test_a_start_within_the_last_frame_shows_that_frame(write_video: Draw, tmp_path: Path) -> None:
    _, _, stages = copy(write_video(tmp_path / "in.mp4"), tmp_path / "out.mp4", start=Fraction(3, 10))
    assert stages.frames_out == 1
    assert times(tmp_path / "out.mp4") == [0]


def test_a_part_that_ends_within_a_long_frame_lasts_as_long_as_asked_for(write_video: Draw, tmp_path: Path) -> None:
    ticks = [0, 3000, 6000, 9000, 12_000, 15_000, 18_000, 900_000]
    source = write_video(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 90_000), audio=["aac"])
    copy(source, tmp_path / "out.mp4", duration=Fraction(2))
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration == pytest.approx(2 * av.time_base, abs=30_000)  # a packet of sound more
        [sound] = [packet.pts for packet in container.demux(audio=0) if packet.pts is not None][-1:]
        assert sound * container.streams.audio[0].time_base > 1.9
