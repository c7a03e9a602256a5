"""Optical flow, from each frame to the one before it: by OpenCV or by the bundle's RAFT."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, local
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Backend, Tensor
from tsn.runtime.errors import BundleError
from tsn.runtime.frame import RGB, FrameBuffer

Flow = NDArray[np.float32]  # (height, width, 2): pixels, x before y, from the current frame to the previous one
SMALLEST = 32  # pixels a side: smaller frames are padded, DIS builds a pyramid of 8-pixel patches on them
STILL = 7  # pixels: where a window of this side has not changed by a single level, nothing moves


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
    """Dense Inverse Search: fast, without weights (Kroeger et al., ECCV 2016, arXiv:1603.03590)."""

    def __init__(self, *, preset: int = cv2.DISOPTICAL_FLOW_PRESET_FAST) -> None:
        self._preset = preset
        self._own = local()  # a search works in buffers of its own: each thread has one

    def __call__(self, current: RGB, previous: RGB) -> Flow:
        height, width, _ = current.shape
        luma, previous_luma = _luma(current), _luma(previous)
        blank: Any = None  # DIS starts from no flow
        if not hasattr(self._own, "search"):
            self._own.search = cv2.DISOpticalFlow.create(self._preset)
        flow: Any = self._own.search.calc(luma, previous_luma, blank)[:height, :width]
        return _stilled(flow, luma[:height, :width], previous_luma[:height, :width])


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


def _luma(rgb: RGB) -> NDArray[np.uint8]:
    height, width, _ = rgb.shape
    luma = cast("NDArray[np.uint8]", cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    return np.pad(luma, ((0, max(0, SMALLEST - height)), (0, max(0, SMALLEST - width))), "edge")


def _stilled(flow: Flow, luma: NDArray[np.uint8], previous: NDArray[np.uint8]) -> Flow:
    """Return the flow, 0 where the picture has not changed: an estimate of nearly 0 would add up and creep."""
    changed: Any = cv2.dilate(cv2.absdiff(luma, previous), np.ones((STILL, STILL), np.uint8))
    if changed.all():
        return flow
    flow[changed == 0] = 0
    return flow
