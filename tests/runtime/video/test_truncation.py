"""Whether a file ends before its own structure says."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from tsn.runtime.settings import Settings
from tsn.runtime.video.completeness import ends_early, ends_in_a_fragment
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
CODECS = {
    ".mkv": ("libx264", "yuv420p"),
    ".avi": ("mjpeg", "yuvj420p"),
    ".wmv": ("msmpeg4", "yuv420p"),
    ".flv": ("libx264", "yuv420p"),
}


@pytest.fixture
def clip(write_video: Draw, tmp_path: Path) -> Callable[[str], tuple[Path, str]]:
    """A clip with the suffix, and FFmpeg's name of its format."""

    def write(suffix: str) -> tuple[Path, str]:
        codec, pixel_format = CODECS[suffix]
        base = Fraction(1, 25) if suffix == ".avi" else Fraction(1, 1000)
        path = write_video(tmp_path / f"in{suffix}", codec=codec, pixel_format=pixel_format, options={}, time_base=base)
        with av.open(str(path)) as container:
            return path, container.format.name

    return write


@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("lost", [1000, 40, 4])  # bytes
def test_a_file_that_lost_its_end_is_told_from_a_whole_one(
    clip: Callable[[str], tuple[Path, str]], suffix: str, lost: int
) -> None:
    path, name = clip(suffix)
    assert ends_early(path, name) is False
    path.write_bytes(path.read_bytes()[:-lost])
    assert ends_early(path, name) is True


def test_a_download_that_left_zeros_is_cut_off(clip: Callable[[str], tuple[Path, str]]) -> None:
    path, name = clip(".mkv")
    data = path.read_bytes()
    path.write_bytes(data + bytes(10_000))
    assert ends_early(path, name) is True


def test_two_files_in_one_are_whole(clip: Callable[[str], tuple[Path, str]]) -> None:
    for suffix in (".mkv", ".avi"):
        path, name = clip(suffix)
        path.write_bytes(path.read_bytes() * 2)
        assert ends_early(path, name) is False


def test_a_live_recording_that_states_no_length_is_whole(drawn: Draw, tmp_path: Path) -> None:
    path = tmp_path / "live.webm"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx-vp9", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(index), format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes()[:-100])
    assert ends_early(path, "matroska,webm") is False


def test_a_format_that_does_not_say_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "in.ts").write_bytes(b"\x47" * 188)
    assert ends_early(tmp_path / "in.ts", "mpegts") is None


def test_a_fragmented_file_that_ends_within_a_fragment_misses_what_nothing_counts(drawn: Draw, tmp_path: Path) -> None:
    path = tmp_path / "in.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(index), format="rgb24")))
        container.mux(stream.encode(None))
    name = "mov,mp4,m4a,3gp,3g2,mj2"
    assert not ends_in_a_fragment(path, name)
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"moof") + 16])  # in the header of the last fragment
    assert ends_in_a_fragment(path, name)
    with VideoReader(path, Settings()) as reader:
        assert sum(1 for _ in reader) == 20
        assert reader.missing == 1
