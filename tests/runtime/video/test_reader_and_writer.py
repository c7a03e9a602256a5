"""Videos from file to file through an identity network: times, tracks, colours, sizes and damage."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB, FrameBuffer
from tsn.runtime.pipeline import stylize_video
from tsn.runtime.report import Stages
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

Draw = Callable[..., Any]


class Unchanged:
    """Shows every frame as it is."""

    concurrency = 2

    def ahead(self, pixels: FrameBuffer, previous: FrameBuffer | None) -> None:
        pass

    def shown(self, pixels: FrameBuffer, made: None) -> RGB:
        return pixels.rgb()

    def interrupt(self) -> None:
        pass


def copy(source: Path, target: Path, **settings: Any) -> tuple[VideoReader, VideoWriter, Stages]:
    """Pass a video through reader and writer with nothing in between."""
    chosen = Settings(**settings)
    with (
        VideoReader(source, chosen) as reader,
        VideoWriter(target, source=reader, settings=chosen, threads=1) as writer,
    ):
        stages = stylize_video(reader, Unchanged(), writer, progress=lambda done: None)
    return reader, writer, stages


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def packets(path: Path, kind: str) -> list[list[tuple[Fraction, bytes]]]:
    """Time and content of every packet of every track of a kind."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        found: dict[int, list[tuple[Fraction, bytes]]] = {stream.index: [] for stream in streams}
        for packet in container.demux(streams):
            if packet.pts is not None:
                found[packet.stream.index].append((packet.pts * packet.time_base, bytes(packet)))
    return list(found.values())


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_variable_frame_rate_stays_exact_to_the_tick(write_video: Draw, tmp_path: Path, suffix: str) -> None:
    ticks = [0, 3000, 3001, 9000, 20000, 20500, 100000, 103000]
    source = write_video(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 90000))
    copy(source, tmp_path / f"out{suffix}")
    assert times(tmp_path / f"out{suffix}") == [Fraction(tick, 90000) for tick in ticks]


def test_a_variable_rate_file_ends_with_its_last_frame(write_video: Draw, tmp_path: Path) -> None:
    ticks = [0, 3000, 3001, 9000, 20000, 20500, 100000, 103000]
    source = write_video(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 90000))
    copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.duration is not None
        assert container.duration / av.time_base > 103000 / 90000


def test_a_fractional_rate_stays_a_fraction(write_video: Draw, tmp_path: Path) -> None:
    ticks = [1001 * index for index in range(8)]
    source = write_video(tmp_path / "in.mp4", ticks=ticks, time_base=Fraction(1, 30000))
    reader, _, _ = copy(source, tmp_path / "out.mp4")
    assert reader.rate == Fraction(30000, 1001)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)


def test_as_many_frames_are_written_as_are_read(write_video: Draw, tmp_path: Path) -> None:
    _, writer, stages = copy(write_video(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    assert stages.frames_in == stages.frames_out == writer.written == len(times(tmp_path / "out.mp4")) == 8


def test_two_audio_tracks_are_copied_packet_for_packet(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", audio=["aac", "libmp3lame"])
    copy(source, tmp_path / "out.mp4")
    expected, found = packets(source, "audio"), packets(tmp_path / "out.mp4", "audio")
    assert len(found) == 2
    assert found == expected


def test_subtitles_are_copied_into_matroska(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", audio=["flac"], subtitles=True)
    _, writer, _ = copy(source, tmp_path / "out.mkv")
    assert packets(tmp_path / "out.mkv", "subtitle") == packets(source, "subtitle")
    assert writer.notes == []


def test_a_track_that_the_container_cannot_hold_is_encoded_again_or_named(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", audio=["flac"], subtitles=True)
    _, writer, _ = copy(source, tmp_path / "out.webm")
    with av.open(str(tmp_path / "out.webm")) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["opus"]
        seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
    assert seconds == pytest.approx(0.32, abs=0.03)
    assert "encoded again as libopus" in writer.notes[0]
    assert "left out" in writer.notes[1]


def test_metadata_and_language_are_kept(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", metadata={"title": "A walk"}, audio=["flac"])
    copy(source, tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.metadata["title"] == "A walk"


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_video_comes_out_upright(
    write_video: Draw, drawn: Draw, frames_of: Draw, tmp_path: Path, rotation: int
) -> None:
    source = write_video(tmp_path / "in.mp4", rotation=rotation)
    copy(source, tmp_path / "out.mp4", quality=100)
    first = frames_of(tmp_path / "out.mp4")[0]
    upright = np.rot90(drawn(0), rotation // 90)
    assert first.rotation == 0
    assert (first.height, first.width) == upright.shape[:2]
    assert np.abs(first.to_ndarray(format="rgb24").astype(int) - upright).mean() < 6  # chroma at half size, compression


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("hevc", ".mkv"), ("vp9", ".webm"), ("av1", ".mkv")])
@pytest.mark.parametrize(("width", "height"), [(63, 47), (64, 47), (66, 50)])
def test_every_codec_writes_odd_sizes_as_they_are(
    write_video: Draw, drawn: Draw, frames_of: Draw, tmp_path: Path, codec: str, suffix: str, width: int, height: int
) -> None:
    frames = [drawn(index, width=width, height=height) for index in range(3)]
    source = write_video(tmp_path / "in.mkv", frames=frames, codec="ffv1", pixel_format="yuv444p", options={})
    copy(source, tmp_path / f"out{suffix}", codec=codec)
    found = frames_of(tmp_path / f"out{suffix}")
    assert [(frame.width, frame.height) for frame in found] == [(width, height)] * 3


@pytest.mark.parametrize("pixel_format", ["yuv444p", "yuv422p", "yuv420p10le", "bgr0", "gray", "yuvj420p"])
def test_every_pixel_format_can_be_read(write_video: Draw, drawn: Draw, tmp_path: Path, pixel_format: str) -> None:
    source = write_video(
        tmp_path / "in.mkv", codec="ffv1", pixel_format=pixel_format.replace("yuvj", "yuv"), options={}
    )
    with VideoReader(source, Settings()) as reader:
        rgb = next(iter(reader)).rgb
    expected = drawn(0)
    if pixel_format == "gray":
        assert (rgb[..., 0] == rgb[..., 1]).all()
    else:
        assert np.abs(rgb.astype(int) - expected).mean() < 4


def test_start_duration_and_max_frames_cut_the_video_and_its_sound(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    frames = [drawn(index) for index in range(50)]
    source = write_video(tmp_path / "in.mp4", frames=frames, audio=["aac"])
    _, _, stages = copy(source, tmp_path / "out.mp4", start=Fraction(1), duration=Fraction(1, 2))
    assert stages.frames_out == 13  # 1.0 to 1.48 s at 25 a second
    assert times(tmp_path / "out.mp4")[0] == 0
    [sound] = packets(tmp_path / "out.mp4", "audio")
    assert -0.03 < sound[0][0] <= 0
    assert 0.45 < sound[-1][0] < 0.5
    _, _, stages = copy(source, tmp_path / "few.mp4", max_frames=3)
    assert stages.frames_out == 3


def test_a_start_past_the_end_says_how_long_the_video_is(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4")
    with pytest.raises(InputError, match=r"0\.32 s long"), VideoReader(source, Settings(start=Fraction(9))):
        pass


def test_a_size_scales_the_frames(write_video: Draw, frames_of: Draw, tmp_path: Path) -> None:
    copy(write_video(tmp_path / "in.mp4"), tmp_path / "out.mp4", shorter_side=24)
    assert (frames_of(tmp_path / "out.mp4")[0].width, frames_of(tmp_path / "out.mp4")[0].height) == (32, 24)


def test_a_cut_off_matroska_file_gives_what_it_has_and_counts_the_rest(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    frames = [drawn(index, width=160, height=120) for index in range(100)]
    source = write_video(tmp_path / "in.mkv", frames=frames)
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    reader, writer, stages = copy(source, tmp_path / "out.mkv")
    assert 20 < stages.frames_out < 80
    assert writer.written == stages.frames_out
    assert reader.missing == pytest.approx(100 - stages.frames_out, abs=2)


def test_damage_in_the_middle_is_passed_over_and_counted(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (48, 64, 3), dtype=np.uint8) for _ in range(40)]
    source = write_video(tmp_path / "in.mp4", frames=frames, options={"crf": "20", "g": "10"})
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 6000] = noise.integers(0, 256, 6000, dtype=np.uint8).tobytes()
    source.write_bytes(data)
    reader, writer, stages = copy(source, tmp_path / "out.mp4")
    assert reader.missing + reader.damaged > 0
    assert stages.frames_out + reader.missing == 40
    assert writer.written == stages.frames_out


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video at all")
    with pytest.raises(InputError, match=r"notes\.mp4 is no video"), VideoReader(tmp_path / "notes.mp4", Settings()):
        pass


def test_a_file_with_sound_alone_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "tone.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48_000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video track, only: audio"), VideoReader(tmp_path / "tone.mp4", Settings()):
        pass


def test_a_video_without_frames_is_refused(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.avi", frames=[], codec="mjpeg", pixel_format="yuvj420p", options={})
    with pytest.raises(InputError, match="no frame"), VideoReader(source, Settings()):
        pass


def test_max_frames_cuts_the_sound_with_the_picture(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(50)], audio=["aac"])
    copy(source, tmp_path / "out.mp4", max_frames=5)
    [sound] = packets(tmp_path / "out.mp4", "audio")
    assert sound[-1][0] <= Fraction(1, 5)


def test_start_in_a_transport_stream_gives_every_frame_from_there(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    frames = [drawn(index) for index in range(75)]
    source = write_video(tmp_path / "in.ts", frames=frames, time_base=Fraction(1, 90000), options={"g": "25"})
    _, _, stages = copy(source, tmp_path / "out.mp4", start=Fraction(1))
    assert stages.frames_out == 50


def test_frames_without_times_follow_the_rate(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.h264", frames=[drawn(index) for index in range(10)])
    copy(source, tmp_path / "out.mp4")
    found = times(tmp_path / "out.mp4")
    assert len(found) == 10
    assert found[-1] - found[0] == pytest.approx(9 / 25, abs=0.01)


def test_a_cut_off_video_of_any_codec_is_noticed(write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    frames = [drawn(index, width=160, height=120) for index in range(60)]
    source = write_video(tmp_path / "in.webm", frames=frames, codec="libvpx-vp9", options={"crf": "20", "b": "0"})
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    reader, _, stages = copy(source, tmp_path / "out.mp4")
    assert stages.frames_out < 55
    assert reader.missing > 0


def test_raw_sound_of_a_camera_is_encoded_again_for_mp4(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(
        tmp_path / "in.avi",
        codec="mjpeg",
        pixel_format="yuvj420p",
        options={},
        time_base=Fraction(1, 25),
        audio=["pcm_s16le"],
    )
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]
    assert len(writer.notes) == 1
    assert "encoded again as aac" in writer.notes[0]
