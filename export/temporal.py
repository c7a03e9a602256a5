"""The networks of temporal stability, ready to export: blend and flow."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tsn.export.blend import BlendGraph
from tsn.export.exportable import Arrays, Exportable, Parity, Thresholds
from tsn.export.frames import drawn_frames
from tsn.export.raft import FlowGraph, refuse_too_large
from tsn.export.raft_weights import Kind, load_raft
from tsn.export.stylizer import EXAMPLE, FP32_STATISTICS, ROUNDED_PICTURE, SIDES
from tsn.runtime.anchors import OFFSET
from tsn.runtime.geometry import Size

# A flow's differences count in hundredths of a pixel as levels: the two differ by the order of additions, which the
# updates of RAFT amplify; measured, 0.0001 pixel. A wrong lookup or padding is off by tenths of a pixel and more.
FP32_FLOW = Thresholds(psnr_db=75, worst_level=5, quantile_999_level=1)
LARGEST = Size(1920, 1080)  # frames that a flow is exported for where nothing else is said
LEVELS_FOR_A_PIXEL = 100
MOVED = 3  # pixels by which the frames are shifted that a flow is compared on


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowRequest:
    """Which flow a bundle gets. Raises UsageError where the largest frame is too large for the scale."""

    kind: Kind
    weights: Path | None = None  # torchvision's own are downloaded where None
    updates: int = 12
    scale: Fraction = Fraction(1)  # of the frames that RAFT sees
    largest: Size = LARGEST

    def __post_init__(self) -> None:
        refuse_too_large(self.largest, scale=self.scale)


def blend_network() -> Exportable:
    """The network that holds a styled frame to two anchors; it has no weights and is the same in every bundle."""
    height, width = EXAMPLE
    plane = torch.zeros(1, 3, height, width)
    older, newer = torch.zeros(2, 1, height, width, 4)  # two tensors: given one twice, torch.export makes one input
    return Exportable(
        name="blend",
        graph=BlendGraph().eval(),
        inputs={
            "styled": plane,
            "current": torch.zeros(1, height, width, 3, dtype=torch.uint8),
            "older": older,
            "newer": newer,
            "share": torch.ones(1),
            "strength": torch.ones(1),
        },
        outputs=("blended", "coverage"),
        axes={
            "styled": {2: "height", 3: "width"},
            "current": SIDES,
            "older": SIDES,
            "newer": SIDES,
            "blended": SIDES,
        },
        minimum_side=9,
        parity=Parity(
            cases=_blend_cases(),
            levels=lambda reference, found: {
                "blended": np.float64(found["blended"]) - reference["blended"],
                "coverage": (np.float64(found["coverage"]) - reference["coverage"]) * 255,
            },
            thresholds={"blended": ROUNDED_PICTURE, "coverage": FP32_STATISTICS},
        ),
    )


def flow_network(request: FlowRequest, frames: Sequence[NDArray[np.uint8]] = ()) -> Exportable:
    """The network that gives the flow between two frames, compared on drawn frames and on `frames`, each shifted.

    Raises:
        InputError: the weights cannot be used.
        UnavailableError: the weights cannot be downloaded.
    """
    graph = FlowGraph(load_raft(request.kind, request.weights), updates=request.updates, scale=request.scale)
    current, previous = torch.zeros(2, 1, *EXAMPLE, 3, dtype=torch.uint8)
    every = [*drawn_frames(minimum_side=16)[:2], *frames]
    return Exportable(
        name="flow",
        graph=graph.eval(),
        inputs={"current": current, "previous": previous},
        outputs=("flow",),
        axes={"current": SIDES, "previous": SIDES, "flow": SIDES},
        minimum_side=16,
        largest_pixels=request.largest.pixels,
        updates=request.updates,
        scale=float(request.scale),
        unrolled=True,
        parity=Parity(
            cases=[{"current": frame, "previous": np.roll(frame, MOVED, axis=2)} for frame in every],
            levels=lambda reference, found: {
                "flow": (np.float64(found["flow"]) - reference["flow"]) * LEVELS_FOR_A_PIXEL
            },
            thresholds={"flow": FP32_FLOW},
        ),
    )


def _blend_cases() -> list[Arrays]:
    """Frames whose anchors agree with them in part; what lies outside an anchor is 0."""
    cases: list[Arrays] = []
    for number, frame in enumerate(drawn_frames(minimum_side=9)):
        content = frame.astype(np.float32) / 255
        styled = np.ascontiguousarray(np.sqrt(content[..., ::-1]).transpose(0, 3, 1, 2))
        luma = content @ np.array([0.299, 0.587, 0.114], np.float32)
        anchor = np.concatenate([np.sqrt(content[..., ::-1]), luma[..., None] + OFFSET], axis=3)
        older, newer = np.roll(anchor, 2, axis=2), np.roll(anchor, 1, axis=1)
        older[:, :, :2] = 0
        cases.append(
            {
                "styled": styled,
                "current": frame,
                "older": older.astype(np.float32),
                "newer": newer.astype(np.float32),
                "share": np.array([number / 4], np.float32),
                "strength": np.array([1 - number / 8], np.float32),
            }
        )
    return cases
