"""Optical flow, from each frame to the one before it: by OpenCV or by the bundle's RAFT."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock, local
from typing import Any, NamedTuple, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Backend, Tensor
from tsn.runtime.errors import BundleError
from tsn.runtime.frame import RGB, FrameBuffer

Flow = NDArray[np.float32]  # (height, width, 2): pixels, x before y, from the current frame to the previous one
Plane = NDArray[np.uint8]  # (height, width)
SMALLEST = 32  # pixels a side: smaller frames are padded, DIS builds a pyramid of 8-pixel patches on them
STILL = 7  # pixels: where a window of this side has not changed by a single level, nothing moves
COLOUR = (0.75, -1.125, 0.375, 128)  # of red, green and blue, and 1: a plane that shows what luma does not
WINDOW = 5  # pixels at half size: two flows are compared by what they explain of such a window
CLEARLY, NOISE = 1.15, 30  # the flow by colour is taken where its error is below error / CLEARLY - NOISE, in levels^2


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """The motion between two frames of one size."""

    flow: Flow | Tensor  # in host memory, or (1, height, width, 2) where the backend computes; 0 where nothing changed
    changed: bool | Tensor  # the most levels by which a value changed, (1,), where the backend computes

    @property
    def still(self) -> bool:
        """Whether the two frames are equal, value for value."""
        return not (self.changed if isinstance(self.changed, bool) else self.changed.numpy()[0])


class FlowSource(Protocol):
    """A way to find motion. It remembers no result, and may be called from several threads at once."""

    def __call__(self, current: FrameBuffer, previous: FrameBuffer) -> Motion: ...


class OnHost:
    """Motion found in host memory by `search`: (current, previous) -> flow."""

    def __init__(self, search: Callable[[RGB, RGB], Flow]) -> None:
        self._search = search

    def __call__(self, current: FrameBuffer, previous: FrameBuffer) -> Motion:
        now, before = current.rgb(), previous.rgb()
        if np.array_equal(now, before):
            return Motion(flow=np.zeros((*now.shape[:2], 2), np.float32), changed=False)
        return Motion(flow=self._search(now, before), changed=True)


class DisFlow:
    """Dense Inverse Search: fast, without weights (Kroeger et al., ECCV 2016, arXiv:1603.03590).

    It sees one plane. What differs from its ground in colour alone moves unseen in luma: a second search, at half the
    size, sees one plane of colour, and each pixel takes the flow that explains its surroundings better in all colours.
    """

    def __init__(self, *, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> None:
        self._preset = preset
        self._own = local()  # a search works in buffers of its own: each thread has two

    def __call__(self, current: RGB, previous: RGB) -> Flow:
        frames = _Pair(current, previous)
        if not hasattr(self._own, "searches"):
            self._own.searches = [cv2.DISOpticalFlow.create(self._preset) for _ in range(2)]
        by_luma, by_colour = self._own.searches
        flow = _found(by_luma, *(_luma(frame) for frame in frames))
        halves = _Pair(*(_halved(frame) for frame in frames))
        half_flow = _halved(flow) / 2
        error = _error(halves, half_flow)
        if error.max() > CLEARLY * NOISE:
            other = _found(by_colour, *(cv2.transform(half, np.array([COLOUR])) for half in halves))
            better = (_error(halves, other) < error / CLEARLY - NOISE).astype(np.uint8)
            _replace(flow, other, where=cast("Plane", cv2.medianBlur(better, 5)))
        return _stilled(flow, frames)


class RaftFlow:
    """The networks `features` and `flow` of a bundle. A frame's features are kept until the next frame needs them.

    Raises BundleError where a file is damaged.
    """

    def __init__(self, features: Path, flow: Path, backend: Backend, *, largest_pixels: int | None) -> None:
        self._features = backend.load(features, beside=True)  # of the stylizer
        self._flow = backend.load(flow, beside=True)
        self._upload = backend.upload
        self._largest_pixels = largest_pixels
        self._kept: deque[tuple[FrameBuffer, Future[Tensor]]] = deque(
            maxlen=backend.concurrency + 1
        )  # frames under way, one before
        self._keeping = Lock()

    def __call__(self, current: FrameBuffer, previous: FrameBuffer) -> Motion:
        size = current.size
        if self._largest_pixels is not None and size.pixels > self._largest_pixels:
            raise BundleError(
                f"this bundle's flow takes frames of up to {self._largest_pixels:,} pixels, these are {size}",
                cure=f"Export it with --flow-largest {size}, or use --flow dis",
            )
        previous_features, features = self._features_of(previous), self._features_of(current)
        outputs = self._flow(
            current=current.tensor(self._upload),
            previous=previous.tensor(self._upload),
            features=features,
            previous_features=previous_features,
        )
        return Motion(flow=outputs["flow"], changed=outputs["changed"])

    def _features_of(self, pixels: FrameBuffer) -> Tensor:
        """Return the features of a frame. The first thread that asks computes them, the others wait."""
        with self._keeping:
            found = next((future for frame, future in self._kept if frame is pixels), None)
            future: Future[Tensor] = found or Future()
            if found is None:
                self._kept.append((pixels, future))
        if found is None:
            try:
                future.set_result(self._features(frame=pixels.tensor(self._upload))["features"])
            except BaseException as error:  # for the other threads that wait for it
                future.set_exception(error)
        return future.result()


class _Pair(NamedTuple):
    current: RGB
    previous: RGB


def _luma(rgb: RGB) -> Plane:
    return cast("Plane", cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def _halved(image: NDArray[np.uint8] | NDArray[np.float32]) -> Any:
    height, width = image.shape[:2]
    half: Any = cv2.resize(image, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    return half


def _found(search: cv2.DISOpticalFlow, current: Any, previous: Any) -> Flow:
    height, width = current.shape
    padding = (0, max(0, SMALLEST - height)), (0, max(0, SMALLEST - width))
    blank: Any = None  # DIS starts from no flow
    flow: Any = search.calc(np.pad(current, padding, "edge"), np.pad(previous, padding, "edge"), blank)
    return flow[:height, :width]


def _error(frames: _Pair, flow: Flow) -> NDArray[np.float32]:
    """How much of the current frame the previous one does not explain, in squares of levels summed over the colours."""
    no_map: Any = None
    four: Any = cv2.cvtColor(frames.previous, cv2.COLOR_RGB2RGBA)  # OpenCV reads four values faster than three
    places = flow + grid(*flow.shape[:2])
    explained: Any = cv2.remap(four, places, no_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    difference = cv2.absdiff(frames.current, explained[..., :3])
    squares: Any = cv2.transform(np.square(difference, dtype=np.float32), np.ones((1, 3)))
    return cast("NDArray[np.float32]", cv2.blur(squares, (WINDOW, WINDOW)))


def _replace(flow: Flow, other: Flow, *, where: Plane) -> None:
    """Put `other` into the flow `where` that says so, both of half the size."""
    rows, columns = np.nonzero(where)
    height, width = where.shape
    if rows.size and flow.shape[0] >= 2 * height and flow.shape[1] >= 2 * width:
        squares = flow[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 2)
        squares[rows, :, columns] = 2 * other[rows, columns][:, np.newaxis, np.newaxis]


def _stilled(flow: Flow, frames: _Pair) -> Flow:
    """The flow, 0 where no colour has changed at all: an estimate of nearly 0 would add up and creep."""
    equal = cv2.inRange(cv2.absdiff(*frames), (0, 0, 0), (0, 0, 0))
    still = cv2.erode(equal, np.ones((STILL, STILL), np.uint8))
    return cast("Flow", cv2.copyTo(np.zeros_like(flow), still, np.ascontiguousarray(flow)))


@lru_cache(maxsize=2)  # for frames, and for half their size
def grid(height: int, width: int) -> Flow:
    """The places of all pixels, x before y."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.dstack([x, y])
