"""Colour survives the way from file to file: matrix, range and depth, against formulas of the tests' own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.video.test_reader_and_writer import copy
from tsn.runtime.geometry import Size
from tsn.runtime.video.colour import Colour, RgbFromVideo, VideoFromRgb

LUMA = {1: (0.2126, 0.0722), 6: (0.299, 0.114)}  # red and blue shares of BT.709 and BT.601
MEAN_ERROR = 1.5  # levels: 8-bit YCbCr with chroma at half size cannot hold every RGB value
TINT = 1.0  # levels, of the mean of any channel: swscale rounds full range down by up to 0.9; nobody sees one level

Draw = Callable[..., Any]
Planes = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def to_planes(rgb: NDArray[np.uint8], *, matrix: int, full: bool) -> Planes:
    """Y, Cb, Cr of BT.601 or BT.709 on an 8-bit scale, by the formulas of the recommendations."""
    red_share, blue_share = LUMA[matrix]
    red, green, blue = (rgb[..., channel] / 255.0 for channel in range(3))
    luma = red_share * red + (1 - red_share - blue_share) * green + blue_share * blue
    cb, cr = (blue - luma) / (2 * (1 - blue_share)), (red - luma) / (2 * (1 - red_share))
    return (luma * 255, cb * 255 + 128, cr * 255 + 128) if full else (16 + 219 * luma, 128 + 224 * cb, 128 + 224 * cr)


def to_rgb(planes: Planes, *, matrix: int, full: bool) -> NDArray[np.float64]:
    """The inverse of to_planes."""
    red_share, blue_share = LUMA[matrix]
    y, cb, cr = planes
    luma, cb, cr = (
        (y / 255, (cb - 128) / 255, (cr - 128) / 255) if full else ((y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224)
    )
    red, blue = luma + 2 * (1 - red_share) * cr, luma + 2 * (1 - blue_share) * cb
    green = (luma - red_share * red - blue_share * blue) / (1 - red_share - blue_share)
    return np.stack([red, green, blue], axis=-1).clip(0, 1) * 255


def frame_from(planes: Planes, *, bits: int) -> av.VideoFrame:
    """A 4:2:0 frame; chroma is averaged over pairs, on the left as H.264 places it by default."""
    y, cb, cr = planes
    scale, kind = (4, np.uint16) if bits == 10 else (1, np.uint8)

    def halved(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        padded = np.pad(plane, ((0, 0), (1, 1)), mode="edge")
        across = (padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:])[:, ::2] / 4
        return (across[::2] + across[1::2]) / 2

    height, width = y.shape
    stacked = np.concatenate([plane.ravel() for plane in (y, halved(cb), halved(cr))]) * scale
    values = np.rint(stacked).astype(kind).reshape(height * 3 // 2, width)
    return av.VideoFrame.from_ndarray(values, format="yuv420p10le" if bits == 10 else "yuv420p")


def planes_of(frame: av.VideoFrame) -> Planes:
    def plane(index: int) -> NDArray[np.float64]:
        data = frame.planes[index]
        values = np.frombuffer(data, np.uint8).reshape(data.height, data.line_size)[:, : data.width]
        return values.astype(np.float64)

    return plane(0), _doubled(plane(1)), _doubled(plane(2))


def _doubled(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chroma at full size by linear interpolation: sited left across, and midway between two lines down."""
    right = np.pad(plane, ((0, 0), (0, 1)), mode="edge")[:, 1:]
    across = np.stack([plane, (plane + right) / 2], axis=2).reshape(plane.shape[0], -1)
    padded = np.pad(across, ((1, 1), (0, 0)), mode="edge")
    above, below = (3 * across + padded[:-2]) / 4, (3 * across + padded[2:]) / 4
    return np.stack([above, below], axis=1).reshape(-1, across.shape[1])


@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_colour_survives_a_round_trip_without_a_tint(
    write_video: Draw, frames_of: Draw, tmp_path: Path, matrix: int, full: bool, bits: int
) -> None:
    y, x = np.mgrid[0:144, 0:192]
    waves = [128 + 100 * np.sin(x / 25), 128 + 100 * np.sin(y / 20 + 1), 128 + 100 * np.cos((x + y) / 30)]
    rgb = np.stack(waves, axis=-1).astype(np.uint8)  # smooth: half-size chroma loses little of it
    source = write_video(
        tmp_path / "in.mkv",
        frames=[rgb] * 2,
        codec="ffv1",
        pixel_format="yuv420p10le" if bits == 10 else "yuv420p",
        options={},
        matrix=matrix,
        color_range=2 if full else 1,
        convert=lambda picture: frame_from(to_planes(picture, matrix=matrix, full=full), bits=bits),
    )
    copy(source, tmp_path / "out.mp4", quality=100)
    found = frames_of(tmp_path / "out.mp4")[0]
    assert (int(found.colorspace), int(found.color_range)) == (matrix, 2 if full else 1)
    difference = to_rgb(planes_of(found), matrix=matrix, full=full) - rgb
    assert np.abs(difference).mean() <= MEAN_ERROR
    assert np.abs(difference.mean(axis=(0, 1))).max() <= TINT


@pytest.mark.parametrize(("height", "matrix"), [(480, 6), (720, 1)])
def test_untagged_video_is_709_from_720_lines_up_and_601_below(
    write_video: Draw, drawn: Draw, frames_of: Draw, tmp_path: Path, height: int, matrix: int
) -> None:
    frames = [drawn(0, width=height * 4 // 3, height=height)]
    source = write_video(tmp_path / "in.mp4", frames=frames, options={"preset": "ultrafast"})
    copy(source, tmp_path / "out.mp4")
    found = frames_of(tmp_path / "out.mp4")[0]
    assert (int(found.colorspace), int(found.color_range)) == (matrix, 1)


@pytest.mark.parametrize("primaries", [1, 5, 9, 12])
@pytest.mark.parametrize("transfer", [1, 13, 16, 18])
def test_colours_stay_in_the_primaries_and_the_transfer_of_the_input(
    drawn: Draw, primaries: int, transfer: int
) -> None:
    colour = Colour(matrix=9, full_range=False, primaries=primaries, transfer=transfer)
    frame = VideoFromRgb(colour, "yuv444p")(drawn(0))
    assert (int(frame.color_primaries), int(frame.color_trc)) == (primaries, transfer)
    found = RgbFromVideo(colour, Size(64, 48))(frame)
    assert np.abs(found.astype(int) - drawn(0)).max() <= 2  # rounding of the values
