"""What is shown of a coded picture, and how: crops, turns, mirrors and pixels that are not square."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.video.test_reader_and_writer import copy
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
ONE = Fraction(1)


def with_matrix(
    path: Path, picture: NDArray[np.uint8], matrix: tuple[int, int, int, int] = (1, 0, 0, 1), aspect: Fraction = ONE
) -> Path:
    """Two frames of a picture with a display matrix a b c d and an aspect of their pixels, tagged as BT.709."""
    a, b, c, d = (value * 0x10000 for value in matrix)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, _ = picture.shape
        stream.pix_fmt = "yuv444p"
        stream.codec_context.sample_aspect_ratio = aspect
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv444p", dst_colorspace=1, dst_color_range=1)))
        container.mux(stream.encode(None))
    return path


def shown_by(picture: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Each pixel moved to where the matrix says: x' = a x + c y, y' = b x + d y, about the middle."""
    a, b, c, d = matrix
    height, width, _ = picture.shape
    y, x = np.mgrid[0:height, 0:width]
    across, down = a * x + c * y, b * x + d * y
    result = np.zeros((int(np.ptp(down)) + 1, int(np.ptp(across)) + 1, 3), np.uint8)
    result[down - down.min(), across - across.min()] = picture
    return result


MATRICES = [
    *[(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)],
    *[(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, -1, 0)],  # mirrors: their determinant is negative
]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_video_is_shown_as_its_matrix_says(
    drawn: Draw, tmp_path: Path, matrix: tuple[int, int, int, int], suffix: str
) -> None:
    picture = drawn(0, width=64, height=48)
    source = with_matrix(tmp_path / f"in{suffix}", picture, matrix, Fraction(4, 3))
    with VideoReader(source, Settings()) as reader:
        found = next(iter(reader)).rgb
        aspect = reader.pixel_aspect
    expected = shown_by(picture, matrix)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 2  # compression
    assert aspect == (Fraction(3, 4) if matrix[0] == 0 else Fraction(4, 3))


def test_a_mirrored_video_is_written_as_it_is_shown(drawn: Draw, frames_of: Draw, tmp_path: Path) -> None:
    picture = drawn(0, width=64, height=48)
    copy(with_matrix(tmp_path / "in.mp4", picture, (-1, 0, 0, 1), Fraction(1)), tmp_path / "out.mp4", quality=100)
    [first, _] = frames_of(tmp_path / "out.mp4")
    assert not any(data.type.name == "DISPLAYMATRIX" for data in first.side_data)
    found = first.to_ndarray(format="rgb24").astype(int)
    assert np.abs(found - picture[:, ::-1]).mean() < 6  # chroma at half size, compression


@pytest.mark.parametrize(
    ("size", "aspect", "asked", "shown"),
    [
        (Size(180, 144), Fraction(64, 45), 72, Size(128, 72)),
        (Size(180, 144), Fraction(64, 45), 144, Size(256, 144)),
        (Size(160, 120), Fraction(3, 4), 60, Size(60, 60)),
        (Size(160, 120), Fraction(1), 60, Size(80, 60)),
    ],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_height_keeps_the_shape_of_a_picture_whose_pixels_are_not_square(
    drawn: Draw, tmp_path: Path, suffix: str, size: Size, aspect: Fraction, asked: int, shown: Size
) -> None:
    picture = drawn(0, width=size.width, height=size.height)
    source = with_matrix(tmp_path / f"in{suffix}", picture, (1, 0, 0, 1), aspect)
    with VideoReader(source, Settings(shorter_side=asked)) as reader:
        assert (reader.size, reader.pixel_aspect) == (shown, 1)
        assert next(iter(reader)).pixels.size == shown


def test_a_height_keeps_the_shape_of_a_turned_picture_too(drawn: Draw, tmp_path: Path) -> None:
    source = with_matrix(tmp_path / "in.mp4", drawn(0, width=180, height=144), (0, 1, -1, 0), Fraction(64, 45))
    with VideoReader(source, Settings(shorter_side=72)) as reader:
        width, height = reader.size.width, reader.size.height
    assert height / width == pytest.approx(16 / 9, rel=0.02)


CROP = {"left": 5, "right": 8, "top": 3, "bottom": 10}


def cropped_matroska(path: Path, drawn: Draw) -> Path:
    """A Matroska file whose colour tags are overwritten by the four elements for a crop."""
    source = with_matrix(path, drawn(0))
    data = bytearray(source.read_bytes())
    at = data.index(b"\x55\xb0")
    length = 3 + (data[at + 2] & 0x7F)
    numbers = {"bottom": 0xAA, "top": 0xBB, "left": 0xCC, "right": 0xDD}
    crop = b"".join(bytes([0x54, number, 0x81, CROP[side]]) for side, number in numbers.items())
    rest = length - len(crop)
    assert rest >= 2
    data[at : at + length] = crop + bytes([0xEC, 0x80 | rest - 2]) + bytes(rest - 2)
    source.write_bytes(data)
    return source


def cropped_mp4(path: Path, drawn: Draw) -> Path:
    """An MP4 with a clean aperture, whose middle lies off that of the picture by half of what the sides differ."""
    source = with_matrix(path, drawn(0))
    data = bytearray(source.read_bytes())
    width, height = 64 - CROP["left"] - CROP["right"], 48 - CROP["top"] - CROP["bottom"]
    right, down = CROP["left"] - CROP["right"], CROP["top"] - CROP["bottom"]  # halves
    box = struct.pack(">I4s4IiIiI", 40, b"clap", width, 1, height, 1, right, 2, down, 2)
    at = data.rindex(b"pasp") + 12
    data[at:at] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = data.rindex(name) - 4
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(box))
    source.write_bytes(data)
    return source


@pytest.mark.parametrize(("suffix", "made"), [(".mkv", cropped_matroska), (".mp4", cropped_mp4), (".mov", cropped_mp4)])
@pytest.mark.parametrize("asked", [None, 24])
def test_the_crop_of_a_container_is_carried_out(
    drawn: Draw, tmp_path: Path, suffix: str, made: Draw, asked: int | None
) -> None:
    source = made(tmp_path / f"in{suffix}", drawn)
    with VideoReader(source, Settings(shorter_side=asked)) as reader:
        found = next(iter(reader)).rgb
        assert reader.input_size == Size(51, 35)
    expected = drawn(0)[CROP["top"] : 48 - CROP["bottom"], CROP["left"] : 64 - CROP["right"]]
    if asked is None:
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 2  # compression
    else:
        assert found.shape == (24, 34, 3)  # a side that follows is even, as encoders want it
        assert abs(int(found.mean()) - int(expected.mean())) < 4
