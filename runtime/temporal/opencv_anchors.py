"""Anchors in host memory: styled frames, read along the flow that has added up since.

The graphs `anchor` and `carry` of export/networks/anchors.py compute the same on a GPU; a test holds the two together.
On a CPU OpenCV samples ten times faster than ONNX Runtime does.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.frame import RGB
from tsn.runtime.temporal.flow import Flow

CELL = 4  # pixels: how far a displacement tears a texture is measured between means over cells of this size
WHOLE, TORN = 0.25, 0.5  # its change in pixels for a pixel: up to the first all counts, from the second nothing
REACH = 1  # cell: how far around a tear nothing counts, since outlines are drawn around the things that make it
DARKEST = 1  # the luma of black in an anchor: outside it, 0 is read

Values = NDArray[np.uint8]  # (height, width, 4): styled RGB, and the luma of the frame on DARKEST..255


@dataclass(frozen=True, slots=True)
class OpenCvAnchor:
    """A styled frame, and how far each pixel of the current frame lies from its place in it."""

    values: Values
    displacement: Flow | None = None  # pixels, from the current frame to the anchor; None: the anchor is this frame

    def carried(self, flow: Flow) -> "OpenCvAnchor":
        """Return the same anchor, one frame later. Reading the displacement bilinearly blurs nothing: it is smooth."""
        if self.displacement is None:
            return OpenCvAnchor(self.values, flow)
        before: Any = cv2.remap(
            self.displacement, _places(flow), _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return OpenCvAnchor(self.values, np.add(flow, before, dtype=np.float32))

    def seen(self) -> Values:
        """Return the anchor as the current frame sees it, read once and bicubically; 0 outside."""
        if self.displacement is None:
            return self.values
        seen: Any = cv2.remap(
            self.values, _places(self.displacement), _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
        )
        return seen

    def intact(self) -> NDArray[np.uint8]:
        """Return how intact each place is, uint8 (height, width): 255 if its surroundings moved as one, 0 if torn.

        In fast action, or across a cut, flow finds pixels of the right luma by stretching and folding the picture: the
        content then agrees, and the texture is torn. A turn by 10 degrees or a zoom by a fifth still counts in full.
        """
        height, width = self.values.shape[:2]
        if self.displacement is None:
            return np.full((height, width), 255, np.uint8)
        cells: Any = cv2.resize(
            self.displacement, (max(1, width // CELL), max(1, height // CELL)), interpolation=cv2.INTER_AREA
        )
        changes: Any = [
            cv2.Sobel(cells, cv2.CV_32F, *axis, ksize=1, scale=0.5 / CELL, borderType=cv2.BORDER_REPLICATE)
            for axis in ((1, 0), (0, 1))
        ]
        smooth: Any = [cv2.blur(part, (3, 3), borderType=cv2.BORDER_REPLICATE) for part in changes]
        change: NDArray[np.float32] = np.sqrt(np.sum(np.square(smooth), axis=(0, 3)))
        worst: Any = cv2.dilate(change, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
        intact: NDArray[np.float32] = np.clip((TORN - worst) * (255 / (TORN - WHOLE)), 0, 255)
        levels = cv2.resize(np.round(intact).astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
        return cast("NDArray[np.uint8]", levels)


def new_anchor(stylized: RGB, current: RGB) -> OpenCvAnchor:
    """Make an anchor of a stylized frame and the frame it was made from."""
    luma = cv2.convertScaleAbs(cv2.cvtColor(current, cv2.COLOR_RGB2GRAY), alpha=(255 - DARKEST) / 255, beta=DARKEST)
    return OpenCvAnchor(cast("Values", cv2.merge([*cv2.split(stylized), luma])))


_NO_MAP: Any = None  # the second of remap's two maps: the first holds x and y


def _places(offset: Flow) -> Flow:
    return _grid(*offset.shape[:2]) + offset


@lru_cache(maxsize=1)
def _grid(height: int, width: int) -> Flow:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])
