"""Anchors for any backend: kept in host memory and read with OpenCV, or kept on a GPU and read by two networks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.temporal.flow import Flow
from tsn.runtime.temporal.opencv_anchors import OpenCvAnchor, new_anchor

Upload = Callable[[Array], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An anchor as the current frame would see it."""

    values: Tensor  # uint8 (1, H, W, 4): styled RGB and the content's luma, 0 outside
    chroma: Tensor  # uint8 (1, H // 2, W // 2, 2): of the content
    intact: Tensor  # uint8 (1, H, W): what of it is whole


class Anchor(Protocol):
    """An anchor at one frame of the video."""

    def carried(self, flow: Flow | Tensor, pixels: FrameBuffer) -> Self:
        """The same anchor at the frame `pixels`, one later."""
        ...

    def seen(self) -> Seen:
        """The anchor as the current frame, to which it was carried, would see it."""
        ...

    def renewed(self, stylized: Tensor, pixels: FrameBuffer, *, seen: Seen, explained: Tensor) -> Self:
        """A new anchor of the current frame, that goes on as this one where nothing moved: see OpenCvAnchor."""
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

    def carried(self, flow: Flow | Tensor, pixels: FrameBuffer) -> "HostAnchor":
        motion = flow if isinstance(flow, np.ndarray) else flow.numpy()[0]
        return HostAnchor(self.anchor.carried(motion, pixels.rgb()), self.upload)

    def seen(self) -> Seen:
        anchor, upload = self.anchor, self.upload
        return Seen(
            values=upload(anchor.seen()[None]),
            chroma=upload(anchor.seen_chroma()[None]),
            intact=upload(anchor.intact()[None]),
        )

    def renewed(self, stylized: Tensor, pixels: FrameBuffer, *, seen: Seen, explained: Tensor) -> "HostAnchor":
        values, trusted = seen.values.numpy()[0], explained.numpy()[0]
        anchor = self.anchor.renewed(stylized.numpy()[0], pixels.rgb(), seen=values, explained=trusted)
        return HostAnchor(anchor, self.upload)


@dataclass(frozen=True, slots=True)
class DeviceAnchor:
    """An anchor that stays on the GPU, and is read there."""

    keeping: "_AnchorNetworks"
    values: Tensor
    chroma: Tensor
    displacement: Tensor
    offset: Tensor
    now: Seen

    def carried(self, flow: Flow | Tensor, pixels: FrameBuffer) -> "DeviceAnchor":
        if isinstance(flow, np.ndarray):
            flow = self.keeping.upload(flow[None])
        outputs = self.keeping.carry(
            anchor=self.values,
            anchor_chroma=self.chroma,
            displacement=self.displacement,
            flow=flow,
            current=pixels.tensor(self.keeping.upload),
        )
        now = Seen(values=outputs["carried"], chroma=outputs["carried_chroma"], intact=outputs["intact"])
        return replace(self, displacement=outputs["carried_displacement"], offset=outputs["offset"], now=now)

    def seen(self) -> Seen:
        return self.now

    def renewed(self, stylized: Tensor, pixels: FrameBuffer, *, seen: Seen, explained: Tensor) -> "DeviceAnchor":
        return self.keeping.renewed(self, stylized, pixels, seen=seen.values, explained=explained)


class _AnchorNetworks:
    """The two networks, and what a new anchor begins with."""

    def __init__(self, anchor: Session, carry: Session, backend: Backend) -> None:
        self.anchor, self.carry, self.upload = anchor, carry, backend.upload
        self._nothing: DeviceAnchor | None = None  # an anchor that explains nothing, of one size

    def new(self, stylized: Tensor, pixels: FrameBuffer) -> DeviceAnchor:
        nothing = self._nothing_of(pixels.size)
        blank = nothing.now
        return self.renewed(nothing, stylized, pixels, seen=blank.values, explained=blank.intact)

    def renewed(
        self, before: DeviceAnchor, stylized: Tensor, pixels: FrameBuffer, *, seen: Tensor, explained: Tensor
    ) -> DeviceAnchor:
        outputs = self.anchor(
            styled=stylized,
            current=pixels.tensor(self.upload),
            kept=before.values,
            kept_chroma=before.chroma,
            displacement=before.offset,
            carried=seen,
            explained=explained,
        )
        values, chroma = outputs["anchor"], outputs["anchor_chroma"]
        now = Seen(values=values, chroma=chroma, intact=self._whole)
        displacement = outputs["anchor_displacement"]
        return DeviceAnchor(self, values, chroma, displacement, displacement, now)

    def _nothing_of(self, size: Size) -> DeviceAnchor:
        height, width = size.height, size.width
        if self._nothing is None or self._nothing.values.shape[1:3] != (height, width):
            frame, chroma = (
                np.zeros((1, height, width, 4), np.uint8),
                np.zeros((1, height // 2, width // 2, 2), np.uint8),
            )
            values, chroma, intact = self.upload(frame), self.upload(chroma), self.upload(frame[..., 0].copy())
            still = self.upload(np.zeros((1, height, width, 2), np.float32))
            self._whole = self.upload(np.full((1, height, width), 255, np.uint8))
            self._nothing = DeviceAnchor(
                self, values, chroma, still, still, Seen(values=values, chroma=chroma, intact=intact)
            )
        return self._nothing
