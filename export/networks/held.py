"""The networks of temporal stability, ready to export: anchor, carry and blend, features and flow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tsn.export.networks.anchors import AnchorGraph, CarryGraph
from tsn.export.networks.blend import BlendGraph
from tsn.export.networks.drawn_frames import drawn_frames
from tsn.export.networks.exportable import Arrays, Exportable, Parity, Reduction, Thresholds
from tsn.export.networks.raft import FeaturesGraph, FlowGraph, refuse_too_large
from tsn.export.networks.stylize import EXAMPLE, FP32_STATISTICS, ROUNDED_PICTURE, SIDES, largest_as_255
from tsn.runtime.bundle.manifest import ReducedPrecision
from tsn.runtime.geometry import Size
from tsn.runtime.temporal.opencv_anchors import new_anchor
from tsn.train.networks.raft_weights import RaftKind, load_raft

# A flow's differences count in hundredths of a pixel as levels: the two differ by the order of additions, which the
# updates of RAFT amplify; measured, 0.0001 pixel. A wrong lookup or padding is off by tenths of a pixel and more.
EXACT = Thresholds(psnr_db=199, worst_level=0, quantile_999_level=0)
FP32_FLOW = Thresholds(psnr_db=75, worst_level=5, quantile_999_level=1)
SMALLEST_SIDE = 16  # pixels of a frame
LARGEST = Size(1920, 1080)  # frames that a flow is exported for where nothing else is said
LEVELS_FOR_A_PIXEL = 100
# Encoders and updates in half precision, the correlation and its lookup FP32. Measured with the original raft-small, 12
# updates, on two pairs of 424x240 with every layer's result rounded: features 53 dB and worst 6.4 levels in FP16, 44 dB
# and 21 in BF16; flow worst 0.03 pixel in FP16, 0.15 in BF16. Between frames of two scenes, where no flow is true, the
# updates amplify any rounding to many pixels: such pairs are not compared.
HALF_FEATURES: Mapping[ReducedPrecision, Mapping[str, Thresholds]] = {
    "fp16": {"features": Thresholds(psnr_db=48, worst_level=16, quantile_999_level=8)},
    "bf16": {"features": Thresholds(psnr_db=38, worst_level=48, quantile_999_level=20)},
}
HALF_FLOW: Mapping[ReducedPrecision, Mapping[str, Thresholds]] = {
    "fp16": {"flow": Thresholds(psnr_db=50, worst_level=25, quantile_999_level=10), "changed": EXACT},
    "bf16": {"flow": Thresholds(psnr_db=38, worst_level=100, quantile_999_level=50), "changed": EXACT},
}
FEATURE_SIDES = {2: "feature_height", 3: "feature_width"}  # the dynamic axes of features (1, C, h, w)
MOVED = 3  # pixels by which the frames are shifted that a flow is compared on


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowRequest:
    """Which flow a bundle gets. Raises UsageError where the largest frame is too large for the scale."""

    kind: RaftKind
    weights: Path | None = None  # torchvision's own are downloaded where None
    updates: int = 12
    scale: Fraction = Fraction(1)  # of the frames that RAFT sees
    largest: Size = LARGEST

    def __post_init__(self) -> None:
        refuse_too_large(self.largest, scale=self.scale)


def blend_network() -> Exportable:
    """The network that holds a styled frame to two anchors; it has no weights and is the same in every bundle."""
    height, width = EXAMPLE
    # Two tensors of each kind: given one twice, torch.export makes one input of them.
    styled, current = torch.zeros(2, 1, height, width, 3, dtype=torch.uint8)
    older, newer = torch.zeros(2, 1, height, width, 4, dtype=torch.uint8)
    older_intact, newer_intact = torch.zeros(2, 1, height, width, dtype=torch.uint8)
    return Exportable(
        name="blend",
        graph=BlendGraph().eval(),
        inputs={
            "styled": styled,
            "current": current,
            "older": older,
            "newer": newer,
            "older_intact": older_intact,
            "newer_intact": newer_intact,
            "share": torch.ones(1),
            "strength": torch.ones(1),
        },
        outputs=("blended", "coverage"),
        axes=dict.fromkeys(("styled", "current", "older", "newer", "older_intact", "newer_intact", "blended"), SIDES),
        minimum_side=9,
        parity=Parity(
            cases=_blend_cases(),
            levels=_levels,
            thresholds={"blended": ROUNDED_PICTURE, "coverage": FP32_STATISTICS},
        ),
    )


def anchor_networks() -> tuple[Exportable, Exportable]:
    """The networks that keep anchors where a GPU computes: `anchor` and `carry`, without weights too."""
    height, width = EXAMPLE
    styled, current = torch.zeros(2, 1, height, width, 3, dtype=torch.uint8)
    displacement, flow = torch.zeros(2, 1, height, width, 2)
    anchors = _anchor_cases()
    anchor = Exportable(
        name="anchor",
        graph=AnchorGraph().eval(),
        inputs={"styled": styled, "current": current},
        outputs=("anchor",),
        axes=dict.fromkeys(("styled", "current", "anchor"), SIDES),
        minimum_side=9,
        parity=Parity(cases=anchors, levels=_levels, thresholds={"anchor": ROUNDED_PICTURE}),
    )
    carry = Exportable(
        name="carry",
        graph=CarryGraph().eval(),
        inputs={
            "anchor": torch.zeros(1, height, width, 4, dtype=torch.uint8),
            "displacement": displacement,
            "flow": flow,
        },
        outputs=("carried", "carried_displacement", "intact"),
        axes=dict.fromkeys(("anchor", "displacement", "flow", "carried", "carried_displacement", "intact"), SIDES),
        minimum_side=9,
        parity=Parity(
            cases=[_carry_case(case) for case in anchors],
            levels=_levels,
            thresholds={"carried": ROUNDED_PICTURE, "carried_displacement": FP32_FLOW, "intact": ROUNDED_PICTURE},
        ),
    )
    return anchor, carry


def flow_networks(request: FlowRequest, frames: Sequence[NDArray[np.uint8]] = ()) -> tuple[Exportable, Exportable]:
    """The networks `features` and `flow`, compared on drawn frames and on `frames`, each against itself shifted.

    Raises:
        InputError: the weights cannot be used.
        UnavailableError: the weights cannot be downloaded.
    """
    network = load_raft(request.kind, request.weights)
    encoder = FeaturesGraph(network, scale=request.scale).eval()
    every = [*drawn_frames(minimum_side=SMALLEST_SIDE)[:2], *frames]
    return _features_network(request, encoder, every), _flow_network(request, network, encoder, every)


def _features_network(request: FlowRequest, graph: FeaturesGraph, frames: Sequence[NDArray[np.uint8]]) -> Exportable:
    return Exportable(
        name="features",
        graph=graph,
        inputs={"frame": torch.zeros(1, *EXAMPLE, 3, dtype=torch.uint8)},
        outputs=("features",),
        axes={"frame": SIDES, "features": FEATURE_SIDES},
        minimum_side=SMALLEST_SIDE,
        largest_pixels=request.largest.pixels,
        scale=float(request.scale),
        unrolled=True,
        parity=Parity(
            cases=[{"frame": frame} for frame in frames],
            levels=largest_as_255,
            thresholds={"features": FP32_STATISTICS},
        ),
        reduction=Reduction(parts=("encoder",), thresholds=HALF_FEATURES),
    )


def _flow_network(
    request: FlowRequest, network: nn.Module, encoder: FeaturesGraph, frames: Sequence[NDArray[np.uint8]]
) -> Exportable:
    def case(current: NDArray[np.uint8], previous: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        with torch.inference_mode():
            of_current, of_previous = (encoder(torch.from_numpy(np.array(one))) for one in (current, previous))
        features = {"features": of_current.numpy(), "previous_features": of_previous.numpy()}
        return {"current": current, "previous": previous, **features}

    example = case(*np.zeros((2, 1, *EXAMPLE, 3), np.uint8))
    return Exportable(
        name="flow",
        graph=FlowGraph(network, updates=request.updates, scale=request.scale).eval(),
        inputs={name: torch.from_numpy(value) for name, value in example.items()},
        outputs=("flow", "changed"),
        axes={
            "current": SIDES,
            "previous": SIDES,
            "features": FEATURE_SIDES,
            "previous_features": FEATURE_SIDES,
            "flow": SIDES,
        },
        minimum_side=SMALLEST_SIDE,
        largest_pixels=request.largest.pixels,
        updates=request.updates,
        scale=float(request.scale),
        unrolled=True,
        parity=Parity(
            cases=[case(frame, np.roll(frame, MOVED, axis=2)) for frame in frames],
            levels=_levels,
            thresholds={"flow": FP32_FLOW, "changed": EXACT},
        ),
        reduction=Reduction(parts=("network.context_encoder", "network.update_block"), thresholds=HALF_FLOW),
    )


LEVELS: Mapping[str, float] = {
    "flow": LEVELS_FOR_A_PIXEL,
    "carried_displacement": LEVELS_FOR_A_PIXEL,
    "coverage": 255,
}
"""Levels for one of an output; those that are not named are levels themselves."""


def _levels(reference: Arrays, found: Arrays) -> dict[str, NDArray[np.float64]]:
    return {name: (np.float64(found[name]) - value) * LEVELS.get(name, 1) for name, value in reference.items()}


def _anchor_cases() -> list[Arrays]:
    """Frames, and something drawn from each in place of a style."""
    frames = drawn_frames(minimum_side=9)
    return [
        {"styled": np.round(np.sqrt(frame[..., ::-1] / 255) * 255).astype(np.uint8), "current": frame}
        for frame in frames
    ]


def _carry_case(case: Arrays) -> Arrays:
    """An anchor of such a frame, carried along a flow that differs from place to place and is torn at the left."""
    anchor = new_anchor(case["styled"][0], case["current"][0]).values[None]
    height, width = anchor.shape[1:3]
    across = np.linspace(0, 6, width)[None, :] + np.linspace(0, 3, height)[:, None]
    flow = np.stack([2 * np.sin(across), np.cos(across)], axis=2)[None].astype(np.float32)
    displacement = 2 * flow
    displacement[:, :, : width // 4] += 9
    return {"anchor": anchor, "displacement": displacement, "flow": flow}


def _blend_cases() -> list[Arrays]:
    """Frames whose anchors agree with them in part; what lies outside an anchor is 0."""
    cases: list[Arrays] = []
    for number, case in enumerate(_anchor_cases()):
        styled, frame = case["styled"], case["current"]
        anchor = new_anchor(styled[0], frame[0]).values[None]
        older, newer = np.roll(anchor, 2, axis=2), np.roll(anchor, 1, axis=1)
        older[:, :, :2] = 0
        cases.append(
            {
                "styled": styled,
                "current": frame,
                "older": older,
                "newer": newer,
                "older_intact": frame[..., 0].copy(),
                "newer_intact": np.full_like(frame[..., 0], 255),
                "share": np.array([number / 4], np.float32),
                "strength": np.array([1 - number / 8], np.float32),
            }
        )
    return cases
