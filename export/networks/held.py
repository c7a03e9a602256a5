"""The networks of temporal stability, ready to export: anchor, carry and blend, features and flow."""

from collections.abc import Sequence
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
from tsn.export.networks.exportable import EXAMPLE, Exportable, examples
from tsn.export.networks.raft import FeaturesGraph, FlowGraph, refuse_too_large
from tsn.runtime.geometry import Size
from tsn.runtime.temporal.opencv_anchors import new_anchor
from tsn.runtime.verification.accuracy import Arrays
from tsn.train.networks.raft_weights import RaftKind, load_raft

SMALLEST_SIDE = 16  # pixels of a frame
LARGEST = Size(1920, 1080)  # frames that a flow is exported for where nothing else is said
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
    return Exportable(
        name="blend", graph=BlendGraph().eval(), inputs=examples("blend"), minimum_side=9, cases=_blend_cases()
    )


def anchor_networks() -> tuple[Exportable, Exportable]:
    """Return the networks that keep anchors where a GPU computes: `anchor` and `carry`, without weights too."""
    styled = _styled_cases()
    return (
        Exportable(
            name="anchor",
            graph=AnchorGraph().eval(),
            inputs=examples("anchor"),
            minimum_side=9,
            cases=[_anchor_case(case) for case in styled],
        ),
        Exportable(
            name="carry",
            graph=CarryGraph().eval(),
            inputs=examples("carry"),
            minimum_side=9,
            cases=[_carry_case(case) for case in styled],
        ),
    )


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
        inputs=examples("features"),
        minimum_side=SMALLEST_SIDE,
        largest_pixels=request.largest.pixels,
        scale=float(request.scale),
        unrolled=True,
        cases=[{"frame": frame} for frame in frames],
        reducible_parts=("encoder",),
    )


def _flow_network(
    request: FlowRequest, network: nn.Module, encoder: FeaturesGraph, frames: Sequence[NDArray[np.uint8]]
) -> Exportable:
    def case(current: NDArray[np.uint8], previous: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        with torch.inference_mode():
            of_current, of_previous = (encoder(torch.from_numpy(np.array(one))) for one in (current, previous))
        features = {"features": of_current.numpy(), "previous_features": of_previous.numpy()}
        return {"current": current, "previous": previous, **features}

    example = case(*np.zeros((2, 1, EXAMPLE.height, EXAMPLE.width, 3), np.uint8))
    return Exportable(
        name="flow",
        graph=FlowGraph(network, updates=request.updates, scale=request.scale).eval(),
        inputs={name: torch.from_numpy(value) for name, value in example.items()},
        minimum_side=SMALLEST_SIDE,
        largest_pixels=request.largest.pixels,
        updates=request.updates,
        scale=float(request.scale),
        unrolled=True,
        cases=[case(frame, np.roll(frame, MOVED, axis=2)) for frame in frames],
        reducible_parts=("network.context_encoder", "network.update_block"),
    )


def _styled_cases() -> list[Arrays]:
    """Frames, and something drawn from each in place of a style."""
    frames = drawn_frames(minimum_side=9)
    return [
        {"styled": np.round(np.sqrt(frame[..., ::-1] / 255) * 255).astype(np.uint8), "current": frame}
        for frame in frames
    ]


def _anchor_case(case: Arrays) -> Arrays:
    """An anchor that follows one of a frame a little brighter, moved by more and more to the right."""
    kept = new_anchor(np.clip(case["styled"][0] + 3.0, 0, 255).astype(np.uint8), case["current"][0])
    height, width = kept.values.shape[:2]
    displacement = np.zeros((1, height, width, 2), np.float32)
    displacement[..., 0] = np.linspace(0, 1, width)
    return {
        **case,
        "kept": kept.values[None],
        "kept_chroma": kept.chroma[None],
        "displacement": displacement,
        "carried": kept.values[None],
        "explained": np.full((1, height, width), 200, np.uint8),
    }


def _carry_case(case: Arrays) -> Arrays:
    """An anchor of such a frame, carried along a flow that differs from place to place and is torn at the left."""
    kept = new_anchor(case["styled"][0], case["current"][0])
    height, width = kept.values.shape[:2]
    across = np.linspace(0, 6, width)[None, :] + np.linspace(0, 3, height)[:, None]
    flow = np.stack([2 * np.sin(across), np.cos(across)], axis=2)[None].astype(np.float32)
    displacement = 2 * flow
    displacement[:, :, : width // 4] += 9
    return {
        "anchor": kept.values[None],
        "anchor_chroma": kept.chroma[None],
        "displacement": displacement,
        "flow": flow,
        "current": case["current"],
    }


def _blend_cases() -> list[Arrays]:
    """Frames whose anchors agree with them in part; what lies outside an anchor is 0."""
    cases: list[Arrays] = []
    for number, case in enumerate(_styled_cases()):
        styled, frame = case["styled"], case["current"]
        kept = new_anchor(styled[0], frame[0])
        anchor, chroma = kept.values[None], kept.chroma[None]
        older, newer = np.roll(anchor, 2, axis=2), np.roll(anchor, 1, axis=1)
        older[:, :, :2] = 0
        cases.append(
            {
                "styled": styled,
                "current": frame,
                "older": older,
                "newer": newer,
                "older_chroma": np.roll(chroma, 1, axis=2),
                "newer_chroma": chroma,
                "older_intact": frame[..., 0].copy(),
                "newer_intact": np.full_like(frame[..., 0], 255),
                "share": np.array([number / 4], np.float32),
                "strength": np.array([1 - number / 8], np.float32),
            }
        )
    return cases
