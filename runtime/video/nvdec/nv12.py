"""Frames as NVDEC gives them, and what turns them into RGB where they are: what the networks `nv12` and `p010` take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from tsn.runtime.backends import Array
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.errors import UnavailableError
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.video.colour import LUMA_SHARES, Colour, RgbFromVideo, VideoFromRgb, write_plane
from tsn.runtime.video.matrices import NAMES

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """How frames of a bit depth come out of NVDEC."""

    bits: int
    nvdec_format: str  # in PyNvVideoCodec's Pixel_Format
    pixel_format: str  # FFmpeg's name for the same
    dtype: type[np.uint8 | np.uint16]
    network: NetworkName  # that makes RGB of them

    @property
    def length(self) -> int:
        """Bytes of a value."""
        return np.dtype(self.dtype).itemsize

    def shapes(self, size: Size) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of the luma and the chroma of frames of `size`, as bytes and as the networks take them."""
        height, width = size.height // 2, size.width // 2
        return (1, height, 2, width, 2, self.length), (1, height, width, 2, self.length)


EIGHT: Final = Depth(bits=8, nvdec_format="NV12", pixel_format="nv12", dtype=np.uint8, network="nv12")
TEN: Final = Depth(bits=10, nvdec_format="P016", pixel_format="p010le", dtype=np.uint16, network="p010")
DEPTHS: Final[Mapping[str, Depth]] = {depth.network: depth for depth in (EIGHT, TEN)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How a video's values become RGB, in levels of 255: matrix @ (Y, U, V) + offset.

    Before that the chroma is enlarged, first down and then across: `taps` (axis, pixel, neighbour) says how much of
    the chroma before, at and behind it each of the two pixels of a pair gets.
    """

    matrix: Floats  # (3, 3)
    offset: Floats  # (3,)
    taps: Floats  # (2, 2, 3)

    def arrays(self) -> Mapping[str, Array]:
        """By the names that the networks have for them."""
        return {"matrix": self.matrix, "offset": self.offset, "taps": self.taps}


def conversion_of(colour: Colour, taps: Floats) -> Conversion:
    """How values become RGB. Those of 10 bits count as quarters of a level, in the full range too, as on the CPU.

    Raises UnavailableError for a matrix that the networks do not compute.
    """
    if colour.matrix not in LUMA_SHARES:
        raise UnavailableError(f"frames on the GPU are not converted from {NAMES[colour.matrix]}")
    red, blue = LUMA_SHARES[colour.matrix]
    green = 1 - red - blue
    luma, chroma, black = (1, 1, 0) if colour.full_range else (255 / 219, 255 / 224, 16)
    from_u, from_v = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
    matrix = np.array(
        [
            [luma, 0, from_v],
            [luma, -from_u * blue / green, -from_v * red / green],
            [luma, from_u, 0],
        ]
    )
    offset = -matrix @ (black, 128, 128)
    return Conversion(matrix=matrix.astype(np.float32), offset=offset.astype(np.float32), taps=taps)


def chroma_taps(like: av.VideoFrame) -> Floats:
    """How frames with the tags of `like` have their chroma enlarged on the CPU: seen from what it makes of one line.

    PyAV does not say where a frame's chroma lies.
    """
    probe, side, line, height = tagged_like(like, Size(16, 16), "nv12"), 8, 4, 100
    to_rgb = RgbFromVideo(Colour(matrix=1, full_range=True), Size(2 * side, 2 * side))
    taps = np.zeros((2, 2, 3), np.float32)
    for axis in range(2):
        values = np.full((side, side, 2), 128, np.uint8)
        values[(line,) if axis == 0 else (slice(None), line)] = 128, 128 + height
        write_plane(probe, 0, np.full((2 * side, 2 * side), 64, np.uint8))
        write_plane(probe, 1, values.reshape(side, -1))
        reds = to_rgb(probe)[..., 0].astype(np.float32)
        reds = (reds[:, side] if axis == 0 else reds[side]) - 64
        for pixel in range(2):
            for tap in range(3):
                taps[axis, pixel, tap] = reds[2 * (line + 1 - tap) + pixel]
    whole = 2 * (1 - LUMA_SHARES[1][0]) * height  # of a red that a tap of 1 makes
    return (np.round(taps / whole * 4) / 4).astype(np.float32)


def tagged_like(like: av.VideoFrame, size: Size, pixel_format: str) -> av.VideoFrame:
    """A frame to be written over, with the tags of `like`: not all of them can be set."""
    # A matrix for both, since swscale refuses to read some that frames are tagged with.
    matrix = Colorspace.ITU709
    return like.reformat(
        width=size.width, height=size.height, format=pixel_format, src_colorspace=matrix, dst_colorspace=matrix
    )


def drawn_planes(picture: RGB, depth: Depth) -> Mapping[str, Array]:
    """What the network of a depth takes for a picture (height, width, 3) with even sides: to compare networks on."""
    colour = Colour(matrix=1, full_range=False)
    frame = VideoFromRgb(colour, depth.pixel_format)(picture)
    return {**planes_of(frame, depth), **conversion_of(colour, chroma_taps(frame)).arrays()}


def planes_of(frame: av.VideoFrame, depth: Depth) -> Mapping[str, Array]:
    """Luma and chroma of a frame in the format of a depth, without what its lines are longer by."""
    height, width = frame.height, frame.width
    buffers: Any = frame.planes  # their stub hides that they are buffers
    planes = [
        np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:rows, : width * depth.length]
        for plane, rows in zip(buffers, (height, height // 2), strict=True)
    ]
    luma, chroma = (
        np.ascontiguousarray(plane).reshape(shape)
        for plane, shape in zip(planes, depth.shapes(Size(width, height)), strict=True)
    )
    return {"luma": luma, "chroma": chroma}
