"""Anchors for any backend: kept in host memory and read with OpenCV, or kept on a GPU and read by two networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.temporal.flow import Flow
from tsn.runtime.temporal.opencv_anchors import OpenCvAnchor, new_anchor

Upload = Callable[[Array], Tensor]


class Anchor(Protocol):
    """An anchor at one frame of the video."""

    def carried(self, flow: Flow | Tensor) -> Self:
        """Return the same anchor, one frame later."""
        ...

    def seen(self) -> tuple[Tensor, Tensor]:
        """Return the anchor as the current frame sees it, uint8 (1, H, W, 4), and `intact` of each place, (1, H, W)."""
        ...


NewAnchor = Callable[[Tensor, FrameBuffer], Anchor]
"""Makes an anchor of a stylized frame, uint8 (1, H, W, 3), and the frame it was made from."""


def open_anchors(bundle: Bundle, backend: Backend) -> NewAnchor:
    """Return the maker of anchors: networks on a GPU, so that no frame leaves it, if the bundle has them; or OpenCV."""
    if backend.in_host_memory or "carry" not in bundle.manifest.networks:
        return lambda stylized, pixels: HostAnchor(new_anchor(stylized.numpy()[0], pixels.rgb()), backend.upload)
    keeping = _AnchorNetworks(backend.load(bundle.network("anchor")), backend.load(bundle.network("carry")), backend)
    return keeping.new


@dataclass(frozen=True, slots=True)
class HostAnchor:
    """An anchor that OpenCV reads: on a CPU ten times faster than a network does."""

    anchor: OpenCvAnchor
    upload: Upload

    def carried(self, flow: Flow | Tensor) -> "HostAnchor":
        return HostAnchor(self.anchor.carried(flow if isinstance(flow, np.ndarray) else flow.numpy()[0]), self.upload)

    def seen(self) -> tuple[Tensor, Tensor]:
        return self.upload(self.anchor.seen()[None]), self.upload(self.anchor.intact()[None])


@dataclass(frozen=True, slots=True)
class DeviceAnchor:
    """An anchor that stays on the GPU, and is read there."""

    keeping: "_AnchorNetworks"
    values: Tensor
    displacement: Tensor
    now: tuple[Tensor, Tensor]  # see `seen`

    def carried(self, flow: Flow | Tensor) -> "DeviceAnchor":
        if isinstance(flow, np.ndarray):
            flow = self.keeping.upload(flow[None])
        outputs = self.keeping.carry(anchor=self.values, displacement=self.displacement, flow=flow)
        now = outputs["carried"], outputs["intact"]
        return DeviceAnchor(self.keeping, self.values, outputs["carried_displacement"], now)

    def seen(self) -> tuple[Tensor, Tensor]:
        return self.now


class _AnchorNetworks:
    """The two networks, and what a new anchor begins with."""

    def __init__(self, anchor: Session, carry: Session, backend: Backend) -> None:
        self.anchor, self.carry, self.upload = anchor, carry, backend.upload
        self._unmoved: tuple[Tensor, Tensor] | None = None  # displacement and intact of a new anchor, of one size

    def new(self, stylized: Tensor, pixels: FrameBuffer) -> DeviceAnchor:
        values = self.anchor(styled=stylized, current=pixels.tensor(self.upload))["anchor"]
        displacement, intact = self._unmoved_of(pixels.size)
        return DeviceAnchor(self, values, displacement, (values, intact))

    def _unmoved_of(self, size: Size) -> tuple[Tensor, Tensor]:
        height, width = size.height, size.width
        if self._unmoved is None or self._unmoved[1].shape != (1, height, width):
            still = np.zeros((1, height, width, 2), np.float32)
            self._unmoved = self.upload(still), self.upload(np.full((1, height, width), 255, np.uint8))
        return self._unmoved
