"""The last step: a styled frame carried up from the working size to the picture's, crisp and without halos.

The strokes of a network have a fixed size in pixels. So networks, flow and anchors work at about 540 lines, whatever
the picture has, and this step carries the held frame up: strokes are smoothed along themselves, enlarged bicubically,
given the outlines of the full content where they follow it, and sharpened within the range of their surroundings.
docs/notes/working_size.md measures it.
"""

import math
from functools import lru_cache
from typing import Any, Final, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.frame import RGB, Plane
from tsn.runtime.geometry import Size

cv: Any = cv2  # whose stubs know no numbers among what it adds and compares
Floats = NDArray[np.float32]

MOST_FACTOR: Final = 2.5  # beyond, two steps give cleaner strokes than one

# Along the strokes, at working size. Without it the dots of a decoder become beads.
_ALONG: Final = 0.22  # weight of each of the two places that are read beside a pixel
_STEP: Final = 1.5  # pixels to them, along the tangent, where the strokes have one direction
_INNER, _OUTER = 0.7, 1.5  # pixels: Gaussians of the structure tensor, before and behind its products

# The content's outlines.
_OUTLINES: Final = 0.7  # how much of them is added where the strokes follow the content
_SOFT: Final = 4  # levels: smaller differences of the content are no outlines
_WINDOW: Final = (5, 5)  # pixels, in which styled and content luma are compared
_FLAT: Final = 100.0  # squared levels: below such a variance nothing follows

# Crispness.
_SHARPEN: Final = 3.5
_RADIUS: Final = 0.74  # of the Gaussian that is subtracted, in pixels of the working size
_RANGE: Final = 0.75  # half the side of the square whose range is kept, in pixels of the working size


class Planes(NamedTuple):
    """A picture as luma and two planes of colour differences, which may be half as large."""

    luma: Plane
    blue: Plane
    red: Plane


def enlarged(styled: Planes, luma: Plane, *, chroma_step: int = 1) -> Planes:
    """Return a styled frame at the size of `luma`.

    Args:
        styled: at working size, all planes of one size.
        luma: of the content, at the picture's size, in the same numbers as the styled one.
        chroma_step: 2 gives planes of colour differences at half the size, 4:2:0; 1 at the whole.
    """
    factor = luma.shape[0] / styled.luma.shape[0]
    if factor <= MOST_FACTOR:
        return _step(styled, luma, chroma_step=chroma_step)
    height, width = (round(side / math.sqrt(factor)) for side in luma.shape)
    between = _step(styled, _resized(luma, width, height, cv2.INTER_AREA), chroma_step=1)
    return _step(between, luma, chroma_step=chroma_step)


def enlarged_picture(styled: RGB, content: RGB) -> RGB:
    """Return a styled picture, uint8 (height, width, 3), at the size of the content that it was made from."""
    small, full = (cv.cvtColor(rgb, cv2.COLOR_RGB2YCrCb) for rgb in (styled, content))
    luma, red, blue = cast("list[Plane]", cv.split(small))
    planes = enlarged(Planes(luma, blue, red), cast("Plane", np.ascontiguousarray(full[..., 0])))
    merged = cv.merge([planes.luma, planes.red, planes.blue])
    return cast("RGB", cv.cvtColor(merged, cv2.COLOR_YCrCb2RGB))


def reduced_picture(rgb: RGB, size: Size) -> RGB:
    """Return a picture, uint8 (height, width, 3), at a smaller size, each pixel the mean of what it covers."""
    return cast("RGB", cv.resize(rgb, (size.width, size.height), interpolation=cv2.INTER_AREA))


def _step(styled: Planes, luma: Plane, *, chroma_step: int) -> Planes:
    height, width = luma.shape
    factor = height / styled.luma.shape[0]
    smooth = _along_strokes(styled)
    return Planes(
        luma=_enlarged_luma(smooth.luma, luma, factor),
        blue=_enlarged_chroma(smooth.blue, width // chroma_step, height // chroma_step, factor / chroma_step),
        red=_enlarged_chroma(smooth.red, width // chroma_step, height // chroma_step, factor / chroma_step),
    )


def _enlarged_luma(styled: Plane, luma: Plane, factor: float) -> Plane:
    height, width = luma.shape
    small = _resized(luma, styled.shape[1], styled.shape[0], cv2.INTER_AREA)
    follows = _resized(_following(styled, small), width, height, cv2.INTER_LINEAR)
    enlarged = _resized(styled, width, height, cv2.INTER_CUBIC)
    blurred = _resized(small, width, height, cv2.INTER_CUBIC)
    brighter = cv.subtract(cv.subtract(luma, blurred), _SOFT)
    darker = cv.subtract(cv.subtract(blurred, luma), _SOFT)
    outlined = cv.add(enlarged, cv.multiply(brighter, follows, scale=_OUTLINES / 255))
    outlined = cv.subtract(outlined, cv.multiply(darker, follows, scale=_OUTLINES / 255))
    return _crisp(outlined, enlarged, factor)


def _enlarged_chroma(styled: Plane, width: int, height: int, factor: float) -> Plane:
    enlarged = _resized(styled, width, height, cv2.INTER_CUBIC if factor >= 1 else cv2.INTER_AREA)
    return _crisp(enlarged, enlarged, factor)


def _along_strokes(styled: Planes) -> Planes:
    """Return the planes, each pixel mixed with two that lie along its stroke: the tangent of the structure tensor."""
    smooth = cv.GaussianBlur(styled.luma.astype(np.float32), (5, 5), _INNER)
    across = cv.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / 8)
    down = cv.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / 8)
    xx, yy, xy = (
        cv.GaussianBlur(cv.multiply(a, b), (9, 9), _OUTER) for a, b in ((across, across), (down, down), (across, down))
    )
    difference = cv.subtract(xx, yy)
    length = cv.magnitude(difference, cv.add(xy, xy))
    coherence = cv.divide(length, cv.add(cv.add(xx, yy), 1.0))
    cosine = cv.divide(difference, cv.add(length, 1e-3))  # of twice the angle of the gradient
    step_down = cv.multiply(cv.sqrt(cv.max(cosine * 0.5 + 0.5, 0)), coherence, scale=_STEP)
    step_across = cv.multiply(np.copysign(cv.sqrt(cv.max(0.5 - cosine * 0.5, 0)), xy), coherence, scale=_STEP)
    x, y = _places(*styled.luma.shape)
    planes = cv.merge([*styled])
    sides = [
        cv.remap(
            planes, x + sign * step_across, y - sign * step_down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        for sign in (-1, 1)
    ]
    both = cv.addWeighted(sides[0], 0.5, sides[1], 0.5, 0)
    return Planes(*cast("list[Plane]", cv.split(cv.addWeighted(both, 2 * _ALONG, planes, 1 - 2 * _ALONG, 0))))


def _following(styled: Plane, luma: Plane) -> Plane:
    """Return how far the styled luma follows the content's, 0..255: the slope of a line fitted in a window."""
    content, style = luma.astype(np.float32), styled.astype(np.float32)
    mean, style_mean = cv.blur(content, _WINDOW), cv.blur(style, _WINDOW)
    variance = cv.subtract(cv.blur(cv.multiply(content, content), _WINDOW), cv.multiply(mean, mean))
    covariance = cv.subtract(cv.blur(cv.multiply(content, style), _WINDOW), cv.multiply(mean, style_mean))
    slope = cv.divide(covariance, cv.add(variance, _FLAT))
    return cast("Plane", cv.convertScaleAbs(cv.blur(cv.min(cv.max(slope, 0), 1), _WINDOW), alpha=255))


def _crisp(plane: Plane, within: Plane, factor: float) -> Plane:
    """Return a plane sharpened, but nowhere out of the range of `within` in its surroundings: no halos."""
    deviation = _RADIUS * factor
    side = 2 * round(2.2 * deviation) + 1
    blurred = cv.GaussianBlur(plane, (side, side), deviation)
    sharp = cv.addWeighted(plane, 1 + _SHARPEN, blurred, -_SHARPEN, 0)
    around = np.ones((2 * max(1, round(_RANGE * factor)) + 1,) * 2, np.uint8)
    return cast("Plane", cv.min(cv.max(sharp, cv.erode(within, around)), cv.dilate(within, around)))


def _resized(plane: Plane, width: int, height: int, interpolation: int) -> Plane:
    return cast("Plane", cv.resize(plane, (width, height), interpolation=interpolation))


@lru_cache(maxsize=4)
def _places(height: int, width: int) -> tuple[Floats, Floats]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y
