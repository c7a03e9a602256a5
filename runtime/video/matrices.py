"""Matrices between RGB and a video's values that FFmpeg does not compute: computed here, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import av
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size

Floats = NDArray[np.float64]

# Matrix coefficients as H.273 numbers them.
YCGCO: Final = 8
DERIVED: Final = 12  # luma from the primaries' own shares
COMPUTED: Final = frozenset({YCGCO, DERIVED})
NAMES: Final[Mapping[int, str]] = {YCGCO: "YCgCo", DERIVED: "YCbCr derived from its primaries"}
_REFUSED: Final[Mapping[int, str]] = {
    10: "BT.2020 with constant luminance",
    11: "SMPTE ST 2085",
    13: "YCbCr with constant luminance",
    14: "ICtCp",
    15: "IPT-C2",
    16: "YCgCo-Re",
    17: "YCgCo-Ro",
}

# x and y of red, green, blue and white, by the colour primaries of H.273.
_D65: Final = (0.3127, 0.3290)
_PRIMARIES: Final[Mapping[int, tuple[tuple[float, float], ...]]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), _D65),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65),
    8: ((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), (0.310, 0.316)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), _D65),
}


def check_matrix(matrix: int, primaries: int) -> None:
    """Raise InputError for a matrix that neither FFmpeg nor this file computes."""
    name = _REFUSED.get(matrix)
    if matrix == DERIVED and primaries not in _PRIMARIES:
        name = f"{NAMES[DERIVED]}, which it does not state"
    if name is not None:
        raise InputError(
            f"the colours of this video are coded as {name}, which is not computed here",
            cure="Convert it to BT.709 first, with FFmpeg's filter zscale=matrix=709 or the program that made it",
        )


class ComputedRgb:
    """Frames of a matrix in COMPUTED to RGB uint8 (height, width, 3). FFmpeg enlarges the chroma, and scales."""

    def __init__(self, matrix: int, primaries: int, *, full_range: bool) -> None:
        luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
        to_rgb = _ycgco() if matrix == YCGCO else _from_shares(*luma_shares(primaries))
        self._matrix = to_rgb * (luma, chroma, chroma)
        self._offset = -self._matrix @ (black, 128, 128)
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame, size: Size, interpolation: Interpolation) -> RGB:
        deep = max(component.bits for component in frame.format.components) > 8
        planes = self._reformatter.reformat(
            frame,
            width=size.width,
            height=size.height,
            format="yuv444p16le" if deep else "yuv444p",
            src_colorspace=Colorspace.ITU709,  # the same on both sides: values stay as they are
            dst_colorspace=Colorspace.ITU709,
            interpolation=interpolation,
        ).to_ndarray(channel_last=True)
        levels = planes.astype(np.float64) / (256 if deep else 1)
        return np.clip(np.rint(levels @ self._matrix.T + self._offset), 0, 255).astype(np.uint8)


def luma_shares(primaries: int) -> tuple[float, float]:
    """Return the shares of red and of blue in the luma that primaries give, by the equations 39 to 44 of H.273."""
    red, green, blue, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in _PRIMARIES[primaries])
    shares = np.linalg.solve(np.stack([red, green, blue], axis=1), white)
    return float(shares[0]), float(shares[2])


def _from_shares(red: float, blue: float) -> Floats:
    green = 1 - red - blue
    from_blue, from_red = 2 * (1 - blue), 2 * (1 - red)
    return np.array(
        [[1, 0, from_red], [1, -from_blue * blue / green, -from_red * red / green], [1, from_blue, 0]], np.float64
    )


def _ycgco() -> Floats:
    """Cg stands where Cb does, and Co where Cr does."""
    return np.array([[1, -1, 1], [1, 1, 0], [1, -1, -1]], np.float64)
