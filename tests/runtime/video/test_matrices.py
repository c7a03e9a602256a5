"""Matrices that FFmpeg does not compute: right by formulas of the tests' own, or refused by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.video.test_reader_and_writer import copy
from tsn.runtime.errors import InputError
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.video.matrices import luma_shares
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
YCGCO, DERIVED = 8, 12


def frame_of(rgb: NDArray[np.uint8], *, matrix: int, full: bool, bits: int) -> av.VideoFrame:
    """A 4:4:4 frame by the formulas of H.273; `matrix` 12 with the shares of BT.2020."""
    red, green, blue = (rgb[..., channel] / 255.0 for channel in range(3))
    if matrix == YCGCO:
        luma = (red + 2 * green + blue) / 4
        second, third = (2 * green - red - blue) / 4, (red - blue) / 2
    else:
        luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
        second, third = (blue - luma) / 1.8814, (red - luma) / 1.4746
    scale = 1 << (bits - 8)
    spans = (255, 0, 255) if full else (219, 16, 224)
    planes = [scale * (spans[1] + spans[0] * luma), *(scale * (128 + spans[2] * part) for part in (second, third))]
    values = np.rint(np.stack(planes)).clip(0, 256 * scale - 1)
    if bits == 8:
        return av.VideoFrame.from_ndarray(values.astype(np.uint8), format="yuv444p")
    frame = av.VideoFrame(rgb.shape[1], rgb.shape[0], "yuv444p10le")
    for plane, numbers in zip(frame.planes, values.astype(np.uint16), strict=True):
        lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        lines[:, : numbers.shape[1]] = numbers
        plane.update(lines.tobytes())
    return frame


def coded(path: Path, rgb: NDArray[np.uint8], *, matrix: int, full: bool = False, bits: int = 8, tag: int = 0) -> Path:
    """One frame without loss; `tag` is the matrix that it is tagged with, where that is another."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, _ = rgb.shape
        stream.pix_fmt = "yuv444p" if bits == 8 else "yuv444p10le"
        stream.codec_context.colorspace, stream.codec_context.color_primaries = tag or matrix, 9
        stream.codec_context.color_range = 2 if full else 1
        container.mux(stream.encode(frame_of(rgb, matrix=matrix, full=full, bits=bits)))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("matrix", [YCGCO, DERIVED])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("bits", [8, 10])
def test_a_matrix_that_ffmpeg_does_not_compute_is_right(
    drawn: Draw, tmp_path: Path, matrix: int, full: bool, bits: int
) -> None:
    source = coded(tmp_path / "in.mkv", drawn(0), matrix=matrix, full=full, bits=bits)
    with VideoReader(source, Settings()) as reader:
        found = next(iter(reader)).rgb
    assert np.abs(found.astype(int) - drawn(0)).max() <= 2  # rounding of the values


def test_such_a_video_is_written_with_a_usual_matrix_and_the_note_says_so(
    drawn: Draw, frames_of: Draw, tmp_path: Path
) -> None:
    source = coded(tmp_path / "in.mkv", drawn(0), matrix=YCGCO)
    _, writer, _ = copy(source, tmp_path / "out.mp4", quality=100)
    [coded_frame] = frames_of(tmp_path / "out.mp4")
    assert int(coded_frame.colorspace) == 6
    with VideoReader(tmp_path / "out.mp4", Settings()) as reader:
        found = next(iter(reader)).rgb
    assert writer.notes == ["its colours, YCgCo, are written with another matrix"]
    assert np.abs(found.astype(int) - drawn(0)).mean() < 6  # chroma at half size


def test_such_a_video_can_be_scaled(drawn: Draw, tmp_path: Path) -> None:
    source = coded(tmp_path / "in.mkv", drawn(0), matrix=YCGCO)
    with VideoReader(source, Settings(size=Size(32, 24))) as reader:
        found = next(iter(reader)).rgb.astype(int)
    halved = drawn(0).reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(found - halved).mean() < 3


@pytest.mark.parametrize(("matrix", "name"), [(10, "constant luminance"), (14, "ICtCp"), (13, "constant luminance")])
def test_a_matrix_that_nobody_computes_is_refused_by_name(drawn: Draw, tmp_path: Path, matrix: int, name: str) -> None:
    source = coded(tmp_path / "in.mkv", drawn(0), matrix=DERIVED, tag=matrix)
    with pytest.raises(InputError, match=name), VideoReader(source, Settings()):
        pass


@pytest.mark.parametrize(("primaries", "red", "blue"), [(1, 0.2126, 0.0722), (9, 0.2627, 0.0593), (4, 0.299, 0.114)])
def test_the_shares_of_luma_are_those_of_the_primaries(primaries: int, red: float, blue: float) -> None:
    assert luma_shares(primaries) == pytest.approx((red, blue), abs=1e-3)
