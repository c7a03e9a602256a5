"""How a video's numbers become colours: matrix, range, primaries and transfer, carried from the input to the output."""

from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter

from tsn.runtime.frame import RGB, Plane
from tsn.runtime.geometry import Size

# Matrix coefficients as H.273 numbers them, and the coefficients swscale converts with.
_RGB_MATRIX = 0
_UNSPECIFIED = 2
_COEFFICIENTS = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
_HD_LINES = 720  # untagged video of that many lines and more is taken for BT.709, below for BT.601

# Without these flags swscale's fast path darkens 4:2:0 pictures by more than one level and tints them.
_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_EXACT_SCALED = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


# Formats of 8 bits whose first plane is the luma.
_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12"})

# Shares of red and of blue in the luma, by the matrix coefficients of H.273: its table 4, equations for KR and KB.
LUMA_SHARES = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """The colour tags of a video, as H.273 numbers them."""

    matrix: int
    full_range: bool
    primaries: int = ColorPrimaries.UNSPECIFIED
    transfer: int = ColorTrc.UNSPECIFIED

    @property
    def coefficients(self) -> Colorspace:
        """The matrix to convert with."""
        return _COEFFICIENTS[self.matrix]

    @property
    def range(self) -> ColorRange:
        """The range to convert with: MPEG is limited (16..235), JPEG is full (0..255)."""
        return ColorRange.JPEG if self.full_range else ColorRange.MPEG


def colour_of(frame: av.VideoFrame) -> Colour:
    """The colour that a decoded frame is tagged with, gaps filled by the usual rule.

    No matrix: BT.709 from 720 lines up, BT.601 below. No range: full for the yuvj formats, else limited. A frame that
    is RGB already gets what it will be encoded with.
    """
    matrix = int(frame.colorspace)
    if matrix not in _COEFFICIENTS:
        matrix = int(Colorspace.ITU709) if min(frame.width, frame.height) >= _HD_LINES else 6  # 6: SMPTE 170M, 601's
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(
        matrix=matrix,
        full_range=full and not frame.format.is_rgb,
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
    )


class RgbFromVideo:
    """Decoded frames to RGB uint8 (height, width, 3), scaled to `size` where they have another.

    `size` is that of the result, after so many quarter `turns` against the clock.
    """

    def __init__(self, colour: Colour, size: Size, *, turns: int = 0) -> None:
        self.colour = colour
        self._size = size if turns % 2 == 0 else Size(size.height, size.width)
        self._turns = turns
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> RGB:
        same = (frame.width, frame.height) == (self._size.width, self._size.height)
        is_rgb = frame.format.is_rgb
        converted = self._reformatter.reformat(
            frame,
            width=self._size.width,
            height=self._size.height,
            format="rgb24",
            src_colorspace=None if is_rgb else self.colour.coefficients,
            src_color_range=ColorRange.JPEG if is_rgb else self.colour.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=_EXACT if same else _EXACT_SCALED,
        )
        rgb = np.asarray(converted.to_ndarray(), dtype=np.uint8)
        return np.ascontiguousarray(np.rot90(rgb, self._turns)) if self._turns else rgb


class LumaFromVideo:
    """Decoded frames to their luma, uint8 (height, width), in their matrix and range: as RgbFromVideo."""

    def __init__(self, colour: Colour, size: Size, *, turns: int = 0) -> None:
        self._colour = colour
        self._size = size if turns % 2 == 0 else Size(size.height, size.width)
        self._turns = turns
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> Plane:
        size = self._size
        if frame.format.name not in _PLANAR or (frame.width, frame.height) != (size.width, size.height):
            matrix, is_rgb = self._colour.coefficients, frame.format.is_rgb
            frame = self._reformatter.reformat(
                frame,
                width=size.width,
                height=size.height,
                format="yuv444p",
                src_colorspace=None if is_rgb else matrix,
                dst_colorspace=matrix,
                src_color_range=ColorRange.JPEG if is_rgb else self._colour.range,
                dst_color_range=self._colour.range,
                interpolation=_EXACT_SCALED,
            )
        buffer: Any = frame.planes[0]  # its stub hides that it is one
        luma = np.frombuffer(buffer, np.uint8).reshape(-1, frame.planes[0].line_size)[: frame.height, : frame.width]
        return np.ascontiguousarray(np.rot90(luma, self._turns))


class VideoFromRgb:
    """RGB uint8 (height, width, 3) to frames of a pixel format, tagged with their colour."""

    def __init__(self, colour: Colour, pixel_format: str) -> None:
        self._colour = colour
        self._pixel_format = pixel_format
        self._reformatter = VideoReformatter()

    def __call__(self, rgb: RGB) -> av.VideoFrame:
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
            format=self._pixel_format,
            src_color_range=ColorRange.JPEG,
            dst_colorspace=self._colour.coefficients,
            dst_color_range=self._colour.range,
            dst_color_primaries=self._colour.primaries,
            dst_color_trc=self._colour.transfer,
            interpolation=_EXACT,
        )
        frame.colorspace = self._colour.matrix
        return frame
