"""Frames as NVDEC gives them become what the CPU makes of them, by the networks that tsn-export writes."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import onnxruntime
import pytest

from tests.runtime.temporal.test_flow import textured
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.video.colour import Colour, RgbFromVideo, VideoFromRgb, colour_of, write_plane
from tsn.runtime.video.nvdec.nv12 import DEPTHS, EIGHT, Depth, chroma_taps, conversion_of, planes_of

SIZE = Size(66, 50)
LEFT, MIDDLE = [[0, 1, 0], [0, 0.5, 0.5]], [[0.25, 0.75, 0], [0, 0.75, 0.25]]  # of the pair of pixels, on an axis


def converted(bundle: Path, frame: av.VideoFrame, colour: Colour, depth: Depth) -> RGB:
    """What the network of a depth makes of a frame in NVDEC's format."""
    session = onnxruntime.InferenceSession(bundle / f"{depth.network}.onnx", providers=["CPUExecutionProvider"])
    told = conversion_of(colour, chroma_taps(frame)).arrays()
    return session.run(["frame"], {**planes_of(frame, depth), **told})[0][0]


@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("depth", DEPTHS.values(), ids=list(DEPTHS))
def test_every_matrix_and_range_gives_the_rgb_of_the_cpu(
    tiny_bundle: Path, depth: Depth, matrix: int, full_range: bool
) -> None:
    colour = Colour(matrix=matrix, full_range=full_range)
    frame = VideoFromRgb(colour, depth.pixel_format)(textured(SIZE.height, SIZE.width, seed=matrix))
    expected = RgbFromVideo(colour, SIZE)(frame)
    difference = np.abs(converted(tiny_bundle, frame, colour, depth).astype(int) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.02  # rounding alone; another matrix or range is off by levels


@pytest.mark.parametrize(
    ("options", "down", "across"),
    [
        ({"x264-params": "chromaloc=0"}, MIDDLE, LEFT),
        ({"x264-params": "chromaloc=1"}, MIDDLE, MIDDLE),
        ({"x264-params": "chromaloc=2"}, LEFT, LEFT),
        ({}, MIDDLE, LEFT),
    ],
    ids=["left", "centre", "top-left", "not stated"],
)
def test_the_chroma_lies_where_the_stream_says(
    tiny_bundle: Path, write_video: Any, tmp_path: Path, options: dict[str, str], down: Any, across: Any
) -> None:
    scene = textured(SIZE.height, SIZE.width, seed=4)
    source = write_video(tmp_path / "in.mp4", frames=[scene], options={"crf": "4", **options})
    with av.open(str(source)) as container:
        decoded = next(container.decode(video=0))
    taps = chroma_taps(decoded)
    np.testing.assert_array_equal(taps, [down, across])
    expected = RgbFromVideo(colour_of(decoded), SIZE)(decoded)
    frame = decoded.reformat(format=EIGHT.pixel_format)
    difference = np.abs(converted(tiny_bundle, frame, colour_of(decoded), EIGHT).astype(int) - expected)
    assert difference.max() <= 1


def test_a_plane_is_written_whatever_its_lines_are_aligned_to() -> None:
    frame = av.VideoFrame(SIZE.width, SIZE.height, "nv12")
    values = np.arange(SIZE.pixels, dtype=np.uint8).reshape(SIZE.height, SIZE.width)
    write_plane(frame, 0, values)
    plane: Any = frame.planes[0]
    assert plane.line_size > SIZE.width
    np.testing.assert_array_equal(np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : SIZE.width], values)
