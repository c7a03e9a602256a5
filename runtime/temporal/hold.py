"""Holds each styled frame to two anchors, one fading out while the next fades in.

docs/notes/temporal.md says why, and measures it against other ways.
"""

import numpy as np

from tsn.runtime.backends import Backend, Tensor, scalar
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.errors import UsageError
from tsn.runtime.frame import RGB, FrameBuffer
from tsn.runtime.temporal.anchors import Anchor, open_anchors
from tsn.runtime.temporal.flow import DisFlow, FlowSource, Motion, OnHost, RaftFlow

PERIOD = 20  # frames from one anchor to the next
FADE = 9  # frames in which an anchor takes over from the one before
LEAST_COVERAGE = 0.35  # of the picture: below, the anchors say too little about a frame to hold it to them
SUDDEN = 0.45  # of the coverage of the frame before: a smaller rest is a cut; fast action wears anchors out by and by


class TemporalBlend:
    """Remembers two anchors, and nothing that grows.

    Args:
        flow: how flow is computed.
        strength: 0 gives the frames as they are styled, 1 holds them most.

    Attributes:
        cuts: numbers of the frames, from 0, at which a new scene begins.
    """

    def __init__(self, bundle: Bundle, backend: Backend, *, flow: FlowSource, strength: float = 1.0) -> None:
        self._blend = backend.load(bundle.network("blend"), concurrency=2)  # the next frames are stylized beside it
        self._keep = open_anchors(bundle, backend)
        self._upload = backend.upload
        self._strength = backend.upload(scalar(strength))
        self._flow = flow
        self._frames = 0
        self._coverage = 1.0  # of the newest frame by its anchors
        self._shown: RGB = np.empty((0, 0, 3), np.uint8)  # for the newest frame
        self.cuts: list[int] = []

    def motion(self, pixels: FrameBuffer, previous: FrameBuffer | None) -> Motion | None:
        """Return the motion from the previous frame to this one; None without one of its size. For several threads."""
        return self._flow(pixels, previous) if previous is not None and previous.size == pixels.size else None

    def __call__(self, pixels: FrameBuffer, stylized: Tensor, motion: Motion | None) -> RGB:
        """Return the frame to show, uint8 (height, width, 3). Call it for each frame in turn.

        Args:
            pixels: the frame.
            stylized: the same frame after the network `stylize`, uint8 (1, H, W, 3).
            motion: the result of the method `motion`; None begins anew.
        """
        self._frames += 1
        if motion is None or not motion.still:  # drawn in twos, or a pause: nothing ages meanwhile
            self._shown = self._next(pixels, stylized, motion)
        return self._shown

    def _next(self, pixels: FrameBuffer, stylized: Tensor, motion: Motion | None) -> RGB:
        if motion is None:
            self._begin(pixels, stylized)
            return stylized.numpy()[0]
        self._age += 1
        self._newer = self._newer.carried(motion.flow, pixels)
        newer = older = self._newer.seen()
        if self._age < FADE:
            self._older = self._older.carried(motion.flow, pixels)
            older = self._older.seen()
        outputs = self._blend(
            styled=stylized,
            current=pixels.tensor(self._upload),
            older=older.values,
            newer=newer.values,
            older_chroma=older.chroma,
            newer_chroma=newer.chroma,
            older_intact=older.intact,
            newer_intact=newer.intact,
            share=self._upload(scalar(min(1.0, self._age / FADE))),
            strength=self._strength,
        )
        coverage, before = float(outputs["coverage"].numpy()[0]), self._coverage
        self._coverage = coverage
        cut = coverage < SUDDEN * before
        if cut:
            self.cuts.append(self._frames - 1)
        if cut or coverage < LEAST_COVERAGE:
            self._begin(pixels, stylized)
        elif self._age == PERIOD:
            fresh = self._newer.renewed(stylized, pixels, seen=newer, explained=outputs["explained"])
            self._older, self._newer, self._age = self._newer, fresh, 0
        return outputs["blended"].numpy()[0]

    def _begin(self, pixels: FrameBuffer, stylized: Tensor) -> None:
        self._older: Anchor = self._keep(stylized, pixels)
        self._newer: Anchor = self._older
        self._age = FADE


def open_flow(name: str | None, bundle: Bundle, backend: Backend) -> FlowSource:
    """Return the flow called "dis" or "raft"; for None the bundle's own, or DIS.

    Raises UsageError where the bundle has no flow and "raft" is asked for.
    """
    network = bundle.manifest.networks.get("flow")
    if name == "raft" and network is None:
        raise UsageError(
            f"the bundle {bundle.folder} has no flow network", cure="Use --flow dis, or export with --flow raft-small"
        )
    if name == "dis" or network is None:
        return OnHost(DisFlow())
    return RaftFlow(bundle.network("features"), bundle.network("flow"), backend, largest_pixels=network.largest_pixels)
