"""Which track of a file is the film, what has no decoder, and how many frames a second there are."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition

from tests.runtime.video.test_reader_and_writer import copy
from tsn.runtime.errors import InputError
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
Track = tuple[int, int, Disposition]  # frames, width, disposition


def with_tracks(path: Path, drawn: Draw, tracks: Sequence[Track]) -> Path:
    """Several video tracks of 25 frames a second, each as high as half its width."""
    with av.open(str(path), "w") as container:
        streams = []
        for _, width, disposition in tracks:
            stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, width // 2, "yuv420p"
            stream.disposition = disposition
            streams.append(stream)
        for stream, (frames, width, _) in zip(streams, tracks, strict=True):
            for index in range(frames):
                picture = drawn(index, width=width, height=width // 2)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
    return path


NONE, DEFAULT, COVER = Disposition(0), Disposition.default, Disposition.attached_pic


@pytest.mark.parametrize(
    ("tracks", "width"),
    [
        ([(1, 160, NONE), (20, 96, NONE)], 96),  # a picture of the film, then the film
        ([(20, 64, NONE), (20, 96, NONE)], 96),  # one programme in two sizes
        ([(20, 64, NONE), (19, 96, NONE)], 96),  # the same, one a frame shorter
        ([(20, 96, NONE), (20, 64, DEFAULT)], 64),
        ([(1, 160, DEFAULT), (20, 96, NONE)], 96),  # some programs mark the first track, whatever it is
        ([(20, 64, NONE), (20, 64, NONE)], 64),
    ],
)
def test_the_film_is_a_long_track_then_the_default_one_then_the_largest(
    drawn: Draw, tmp_path: Path, tracks: list[Track], width: int
) -> None:
    source = with_tracks(tmp_path / "in.mkv", drawn, tracks)
    with VideoReader(source, Settings()) as reader:
        assert reader.size.width == width
        assert len(list(reader)) == max(frames for frames, wide, _ in tracks if wide == width)


def test_the_other_pictures_are_named_and_the_sound_is_that_of_the_film(drawn: Draw, tmp_path: Path) -> None:
    source = with_tracks(tmp_path / "in.mkv", drawn, [(1, 160, NONE), (20, 96, NONE)])
    _, writer, stages = copy(source, tmp_path / "out.mp4")
    assert stages.frames_out == 20
    assert writer.notes == ["video track 0, a second picture, is left out"]


# How a container names a codec, and a name of the same length that nobody has.
UNKNOWN = {
    ".mp4": {"video": [(b"avc1", b"brxq")], "audio": [(b"mp4a", b"apac"), (b"esds", b"xsds")]},
    ".mov": {"video": [(b"avc1", b"brxq")], "audio": [(b"mp4a", b"apac"), (b"esds", b"xsds")]},
    ".mkv": {"video": [(b"V_MPEG4/ISO/AVC", b"V_CAMERA/RAW/XY")], "audio": [(b"A_AAC", b"A_XYZ")]},
}


def made_unknown(source: Path, kind: str) -> Path:
    data = source.read_bytes()
    for known, unknown in UNKNOWN[source.suffix][kind]:
        assert known in data
        data = data.replace(known, unknown)
    source.write_bytes(data)
    return source


@pytest.mark.parametrize("given", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("taken", [".mp4", ".mkv", ".webm"])
def test_sound_without_a_decoder_is_left_out_and_named(
    write_video: Draw, tmp_path: Path, given: str, taken: str
) -> None:
    source = made_unknown(write_video(tmp_path / f"in{given}", audio=["aac"]), "audio")
    _, writer, stages = copy(source, tmp_path / f"out{taken}")
    assert stages.frames_out == 8
    assert len(writer.notes) == 1
    assert "audio track 1 is left out: this FFmpeg has no decoder for" in writer.notes[0]
    with av.open(str(tmp_path / f"out{taken}")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_the_sound_that_has_a_decoder_is_kept_beside_that_which_has_none(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mov", audio=["aac", "pcm_s16le"])
    source.write_bytes(source.read_bytes().replace(b"sowt", b"apac"))
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == ["audio track 2 is left out: this FFmpeg has no decoder for apac"]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [stream.codec_context.name for stream in container.streams.audio] == ["aac"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_video_without_a_decoder_is_refused_and_its_codec_named(
    write_video: Draw, tmp_path: Path, suffix: str
) -> None:
    source = made_unknown(write_video(tmp_path / f"in{suffix}", audio=["aac"]), "video")
    with pytest.raises(InputError, match="no decoder for"), VideoReader(source, Settings()):
        pass


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"></svg>'),
        ("in.hdr", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 4\n" + bytes([128, 128, 128, 128]) * 16),
    ],
)
def test_a_still_picture_of_another_kind_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="still picture of a kind"), VideoReader(tmp_path / name, Settings()):
        pass


def test_a_picture_that_can_be_decoded_is_the_film_beside_one_that_cannot(drawn: Draw, tmp_path: Path) -> None:
    source = with_tracks(tmp_path / "in.mkv", drawn, [(20, 96, DEFAULT), (20, 64, NONE)])
    data = source.read_bytes()
    at = data.index(b"V_MPEG4/ISO/AVC")
    source.write_bytes(data[:at] + b"V_CAMERA/RAW/XY" + data[at + 15 :])
    _, writer, stages = copy(source, tmp_path / "out.mp4")
    assert stages.frames_out == 20
    assert "video track 0" in writer.notes[0]


@pytest.mark.parametrize("rate", [Fraction(60), Fraction(24000, 1001)])
@pytest.mark.parametrize(("suffix", "codec"), [(".h264", "libx264"), (".hevc", "libx265"), (".m2v", "mpeg2video")])
def test_a_raw_stream_has_the_rate_that_it_states(
    drawn: Draw, tmp_path: Path, suffix: str, codec: str, rate: Fraction
) -> None:
    source = tmp_path / f"in{suffix}"
    with av.open(str(source), "w") as container:
        options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(index), format="rgb24")))
        container.mux(stream.encode(None))
    reader, _, stages = copy(source, tmp_path / "out.mp4")
    assert (reader.rate, stages.frames_out) == (rate, 12)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].average_rate == rate
        assert container.duration == pytest.approx(float(12 / rate) * av.time_base, rel=0.01)


@pytest.mark.parametrize(("rate", "height"), [(Fraction(30000, 1001), 480), (Fraction(25), 576)])
@pytest.mark.parametrize("frames", [1, 2, 5])
def test_raw_dv_has_the_rate_of_its_system(tmp_path: Path, rate: Fraction, height: int, frames: int) -> None:
    source = tmp_path / "in.dv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("dvvideo", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 720, height, "yuv411p" if height == 480 else "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        for index in range(frames):
            grey = np.full((height, 720, 3), 20 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1920), np.int16), format="s16", layout="stereo")
            silence.sample_rate = 48_000
            container.mux(sound.encode(silence))
    with VideoReader(source, Settings()) as reader:
        assert reader.rate == rate
        assert [frame.time for frame in reader] == [index / rate for index in range(frames)]
