"""Anchors in host memory: styled frames, read along the flow that has added up since.

The graphs `anchor` and `carry` of export/networks/anchors.py compute the same on a GPU; a test holds the two together.
On a CPU OpenCV samples ten times faster than ONNX Runtime does.
"""

from dataclasses import dataclass, replace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.frame import RGB
from tsn.runtime.temporal.flow import Flow, grid

CELL = 4  # pixels: how far a displacement tears a texture is measured between means over cells of this size
WHOLE, TORN = 0.25, 0.5  # its change in pixels for a pixel: up to the first all counts, from the second nothing
REACH = 1  # cell: how far around a tear nothing counts, since outlines are drawn around the things that make it
WINDOW = 5  # pixels at half size, over which it is judged whether an anchor explains a frame unmoved
GRAIN = 1.0  # squares of levels: it does where it differs from the frame by that much more, at most, than moved
UNLIKE = 1500.0  # squares of levels: what differs by more is not explained at all
STRUCTURED = 20.0  # squares of levels: with less detail a place explains any motion
MOVING, STANDING = (
    0.7,
    0.9,
)  # of what is structured, unmoved: up to the first the camera moves, from the second it stands
FAR = 16.0  # pixels: up to there a displacement is taken for noise while the camera stands, and none while it moves
RENEWAL_CELL = 8  # pixels: over cells of this size it is judged whether a new anchor goes on as the one before
MOVED = 0.5  # pixels: a displacement of that much counts as motion, exp(-(displacement / MOVED)^4)
OTHER_COLOURS = 30 / 255**2  # the same for the squared difference in levels of the styled colours
LEAST_KEPT, MOST_KEPT = 0.1, 0.9  # what is kept less than the first is not kept at all, more than the second wholly
DARKEST = 1  # the luma of black in an anchor: 0 is what is read outside it

Values = NDArray[np.uint8]  # (height, width, 4): styled RGB, and the luma of the frame on DARKEST..255
Mask = NDArray[np.uint8]  # (height, width)
Image = NDArray[np.uint8] | NDArray[np.float32]  # (height, width) or (height, width, channels)
Chroma = NDArray[np.uint8]  # (height // 2, width // 2, 2): Cr and Cb of the frame, 128 for grey


@dataclass(frozen=True, slots=True)
class OpenCvAnchor:
    """A styled frame, and how far each pixel of the current frame lies from its place in it."""

    values: Values
    chroma: Chroma
    displacement: Flow | None = None  # pixels, from the current frame to the anchor; None: the anchor is this frame
    offset: Flow | None = None  # the same, 0 where the anchor explains the current frame unmoved

    def carried(self, flow: Flow, current: RGB) -> "OpenCvAnchor":
        """The same anchor at the frame `current`, one later. The displacement is smooth: it is read bilinearly.

        Noise moves a flow of nearly 0 to and fro, and all strokes with it. Over all frames since the anchor a true
        motion adds up and noise does not: while the camera stands, what is shown moves only where the anchor, unmoved,
        does not explain the frame as well, by luma at half size. It stands where most of what has detail does not move.
        """
        displacement = flow
        if self.displacement is not None:
            before: Any = cv2.remap(
                self.displacement, _places(flow), _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            displacement = np.add(flow, before, dtype=np.float32)
        half = half_size(displacement)
        now: Any = half_size(content_luma(current))
        luma: Any = half_size(cast("Mask", cv2.extractChannel(self.values, 3)))
        moved: Any = cv2.remap(luma, _places(half / 2), _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        unmoved_error, error = (_window_mean(cast("Mask", cv2.absdiff(one, now))) for one in (luma, moved))
        unmoved = unmoved_error < np.minimum(error + GRAIN, UNLIKE)
        structured = (
            _window_mean(cast("Mask", cv2.absdiff(now, cast("Mask", cv2.blur(now, (WINDOW, WINDOW)))))) > STRUCTURED
        )
        share = (structured & unmoved).sum() / (structured.sum() + 1)
        farthest = FAR * np.clip((share - MOVING) / (STANDING - MOVING), 0, 1)
        still = unmoved & (np.square(half).sum(axis=2) < farthest**2)
        height, width = displacement.shape[:2]
        moving: Any = cv2.resize(np.asarray(~still, np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        offset = cv2.copyTo(displacement, moving, np.zeros_like(displacement))
        return replace(self, displacement=displacement, offset=cast("Flow", offset))

    def seen(self) -> Values:
        """The anchor as the current frame would see it, read once and bicubically; 0 outside."""
        if self.offset is None:
            return self.values
        seen: Any = cv2.remap(
            self.values, _places(self.offset), _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT
        )
        return seen

    def seen_chroma(self) -> Chroma:
        """The chroma of the anchor as the current frame would see it, read bilinearly; at the edge what is there."""
        if self.offset is None:
            return self.chroma
        places = _places(half_size(self.offset) / 2)
        seen: Any = cv2.remap(self.chroma, places, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return seen

    def renewed(self, stylized: RGB, current: RGB, *, seen: Values, explained: Mask) -> "OpenCvAnchor":
        """Return a new anchor of the current frame, that goes on as this one where nothing has moved.

        There a still picture keeps its strokes: what one anchor hands over to the next is the same. What has moved, or
        has other colours than the style has by now, is that of the current frame, so nothing builds up.

        Args:
            stylized: the styled frame.
            current: the frame.
            seen: this anchor as the current frame sees it.
            explained: the weight that the blend gives to anchors, 255 for all, (height, width).
        """
        fresh = new_anchor(stylized, current)
        offset: Any = self.offset
        if offset is None:
            offset = np.zeros((*fresh.values.shape[:2], 2), np.float32)
        moved = _means(np.hypot(offset[..., 0], offset[..., 1]))
        colours = np.square(_means(seen[..., :3].astype(np.float32)) - _means(stylized.astype(np.float32))).sum(axis=2)
        still: Any = np.exp(-((moved / MOVED) ** 4) - OTHER_COLOURS * colours)
        height, width = offset.shape[:2]
        kept: Any = cv2.resize(np.asarray(still, np.float32), (width, height), interpolation=cv2.INTER_LINEAR) * (
            explained / np.float32(255)
        )
        share: Any = (np.clip(kept, LEAST_KEPT, MOST_KEPT) - LEAST_KEPT) / (MOST_KEPT - LEAST_KEPT)
        going: Any = offset * share[..., np.newaxis]
        return OpenCvAnchor(
            _mixed(self.values, fresh.values, share),
            _mixed(self.chroma, fresh.chroma, half_size(share)),
            going,
            going,
        )

    def intact(self) -> NDArray[np.uint8]:
        """Return how intact each place is, uint8 (height, width): 255 if its surroundings moved as one, 0 if torn.

        In fast action, or across a cut, flow finds pixels of the right luma by stretching and folding the picture: the
        content then agrees, and the texture is torn. A turn by 10 degrees or a zoom by a fifth still counts in full.
        """
        height, width = self.values.shape[:2]
        if self.displacement is None:
            return np.full((height, width), 255, np.uint8)
        cells = _means(self.displacement, side=CELL)
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
    """An anchor from a stylized frame and the frame it was made from."""
    luma = content_luma(current)
    return OpenCvAnchor(cast("Values", cv2.merge([*cv2.split(stylized), luma])), _chroma(current))


def _chroma(rgb: RGB) -> Chroma:
    return np.ascontiguousarray(cast("Chroma", cv2.cvtColor(half_size(rgb), cv2.COLOR_RGB2YCrCb))[..., 1:])


def content_luma(rgb: RGB) -> Mask:
    """The luma of a frame as in an anchor, on DARKEST..255."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return cast("Mask", cv2.convertScaleAbs(luma, alpha=(255 - DARKEST) / 255, beta=DARKEST))


def _window_mean(differences: Image) -> NDArray[np.float32]:
    squares: Any = np.square(differences, dtype=np.float32)
    return cast("NDArray[np.float32]", cv2.blur(squares, (WINDOW, WINDOW)))


def half_size(image: Image) -> Any:
    """Means over 2x2 pixels; of an odd side the last pixel is left out."""
    return _means(image, side=2)


def _means(image: Image, *, side: int = RENEWAL_CELL) -> Any:
    """Means over cells; what does not fill a cell is left out."""
    height, width = (length // side for length in image.shape[:2])
    means: Any = cv2.resize(image[: side * height, : side * width], (width, height), interpolation=cv2.INTER_AREA)
    return means


def _mixed(kept: NDArray[np.uint8], fresh: NDArray[np.uint8], share: Any) -> NDArray[np.uint8]:
    mixed = fresh + share[..., np.newaxis] * (kept.astype(np.float32) - fresh)
    return cast("NDArray[np.uint8]", mixed.round().astype(np.uint8))


_NO_MAP: Any = None  # the second of remap's two maps: the first holds x and y


def _places(offset: Flow) -> Flow:
    return grid(*offset.shape[:2]) + offset
