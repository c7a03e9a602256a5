"""How a video's numbers become colours: matrix, range, primaries and transfer, carried from the input to the output."""

from dataclasses import dataclass, replace
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from tsn.runtime.frame import RGB, Plane
from tsn.runtime.geometry import Size
from tsn.runtime.video.matrices import COMPUTED, NAMES, ComputedRgb, check_matrix
from tsn.runtime.video.presentation import PLAIN, Presentation

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
}
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)  # PQ and HLG
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
        """The matrix to convert with; not of a colour that only comes in, see `written`."""
        return _COEFFICIENTS[self.matrix]

    def written(self, size: Size) -> "Colour":
        """The colour that frames of `size` are written with: this one, or with the usual matrix where it is computed.

        H.264 and the like hold any matrix, but players do not.
        """
        return replace(self, matrix=_usual_matrix(size)) if self.matrix in COMPUTED else self

    @property
    def notes(self) -> list[str]:
        """What the output has otherwise; lines for people."""
        matrix = [f"its colours, {NAMES[self.matrix]}, are written with another matrix"] if self.matrix in NAMES else []
        hdr = ["it is HDR: with the 8 bits of the output shades may show as bands"] if self.transfer in _HDR else []
        return matrix + hdr

    @property
    def range(self) -> ColorRange:
        """The range to convert with: MPEG is limited (16..235), JPEG is full (0..255)."""
        return ColorRange.JPEG if self.full_range else ColorRange.MPEG


def colour_of(frame: av.VideoFrame) -> Colour:
    """The colour that a decoded frame is tagged with, gaps filled by the usual rule.

    No matrix: BT.709 from 720 lines up, BT.601 below. No range: full for the yuvj formats, else limited. A frame that
    is RGB already gets what it will be encoded with. Raises InputError for a matrix that is not computed here.
    """
    matrix = int(frame.colorspace)
    if not frame.format.is_rgb:
        check_matrix(matrix, int(frame.color_primaries))
    if frame.format.is_rgb or matrix not in _COEFFICIENTS.keys() | COMPUTED:
        matrix = _usual_matrix(Size(frame.width, frame.height))
    full = int(frame.color_range) == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return Colour(
        matrix=matrix,
        full_range=full and not frame.format.is_rgb,
        primaries=int(frame.color_primaries),
        transfer=int(frame.color_trc),
    )


def _usual_matrix(size: Size) -> int:
    return int(Colorspace.ITU709) if min(size.width, size.height) >= _HD_LINES else 6  # 6: SMPTE 170M, which is 601's


class RgbFromVideo:
    """Decoded frames to RGB uint8 (height, width, 3), as they are shown, scaled to `size` where they have another."""

    def __init__(self, colour: Colour, size: Size, *, presentation: Presentation = PLAIN) -> None:
        self.colour = colour
        self._size = presentation.before_turning(size)
        self._presentation = presentation
        self._reformatter = VideoReformatter()
        self._computed = (
            ComputedRgb(colour.matrix, colour.primaries, full_range=colour.full_range)
            if colour.matrix in COMPUTED
            else None
        )

    def __call__(self, frame: av.VideoFrame) -> RGB:
        if not self._presentation.crops:
            return self._presentation.turn(self._converted(frame, self._size))
        rgb = self._presentation.crop(self._converted(frame, Size(frame.width, frame.height)))
        if rgb.shape[:2] != (self._size.height, self._size.width):
            whole = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
            rgb = self._converted(whole, self._size)
        return self._presentation.turn(rgb)

    def _converted(self, frame: av.VideoFrame, size: Size) -> RGB:
        """RGB of a frame, scaled to `size`."""
        same = (frame.width, frame.height) == (size.width, size.height)
        is_rgb = frame.format.is_rgb
        interpolation = _EXACT if same else _EXACT_SCALED
        if self._computed is not None and not is_rgb:
            return self._computed(frame, size, interpolation)
        converted = self._reformatter.reformat(
            frame,
            width=size.width,
            height=size.height,
            format="rgb24",
            src_colorspace=None if is_rgb else self.colour.coefficients,
            src_color_range=ColorRange.JPEG if is_rgb else self.colour.range,
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
        )
        return np.asarray(converted.to_ndarray(), dtype=np.uint8)


class LumaFromVideo:
    """Decoded frames to their luma as they are shown, uint8 (height, width), in the matrix and range of the output."""

    def __init__(self, colour: Colour, size: Size, *, presentation: Presentation = PLAIN) -> None:
        self._colour = colour
        self._size = presentation.before_turning(size)
        self._presentation = presentation
        self._reformatter = VideoReformatter()
        self._by_rgb = (
            (RgbFromVideo(colour, size, presentation=presentation), VideoFromRgb(colour.written(size), "yuv444p"))
            if presentation.crops or colour.matrix in COMPUTED
            else None
        )

    def __call__(self, frame: av.VideoFrame) -> Plane:
        if self._by_rgb is not None:
            to_rgb, to_video = self._by_rgb
            return _luma(to_video(to_rgb(frame)))
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
        return self._presentation.turn(_luma(frame))


def _luma(frame: av.VideoFrame) -> Plane:
    """The first plane of a frame in a format of 8 bits."""
    buffer: Any = frame.planes[0]  # its stub hides that it is one
    luma = np.frombuffer(buffer, np.uint8).reshape(-1, frame.planes[0].line_size)[: frame.height, : frame.width]
    return np.ascontiguousarray(luma)


class VideoFromRgb:
    """RGB uint8 (height, width, 3) to frames of a pixel format, tagged with their colour."""

    def __init__(self, colour: Colour, pixel_format: str) -> None:
        self._colour = colour
        self._pixel_format = pixel_format
        self._reformatter = VideoReformatter()

    def __call__(self, rgb: RGB) -> av.VideoFrame:
        given = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        # The same on both sides: else swscale takes RGB for BT.709's and moves it into the primaries of the output.
        given.color_primaries, given.color_trc = self._colour.primaries, self._colour.transfer
        frame = self._reformatter.reformat(
            given,
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


def write_plane(frame: av.VideoFrame, number: int, values: NDArray[np.uint8 | np.uint16]) -> None:
    """Write values (rows, values of a row) into a plane of a frame, whose lines may be longer."""
    planes: Any = frame.planes  # their stub hides that they can be written
    lines = np.frombuffer(planes[number], np.uint8).reshape(-1, planes[number].line_size).view(values.dtype)
    lines[: len(values), : values.shape[1]] = values
