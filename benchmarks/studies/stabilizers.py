"""Ways to hold a styled video still, for benchmarks/studies/temporal_ways.py to compare."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tsn.benchmarks.quality.evaluate import frame_tensor
from tsn.benchmarks.quality.warping import resized_flow
from tsn.export.networks.blend import BlendGraph
from tsn.export.networks.graphs import frames, planes
from tsn.runtime.frame import RGB
from tsn.runtime.temporal.flow import DisFlow, Flow
from tsn.runtime.temporal.hold import FADE, PERIOD
from tsn.runtime.temporal.opencv_anchors import new_anchor
from tsn.train.warping import warp

RECURSION = 0.9  # strength of the ways that blend with the previous output
MISMATCH = 50.0  # of the content, in their mask: exp(-MISMATCH x squared difference)

Way = Callable[["Material"], list[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Material:
    """One clip in one style."""

    content: list[RGB]
    styled: list[Tensor]  # (1, 3, H, W) in 0..1, frame by frame
    flows: list[Flow]  # from each frame but the first to the one before
    flows_ahead: list[Flow]  # from each frame but the last to the one after
    encode: Callable[[Tensor], Tensor]  # a content frame (1, 3, H, W) to features that have the style's statistics
    decode: Callable[[Tensor], Tensor]  # such features to a frame (1, 3, H, W)


def frame_wise(material: Material) -> list[Tensor]:
    """Leave every frame as it is styled alone."""
    return material.styled


def recursion(*, mode: str, gain: float = 0.0, compensated: bool = False) -> Way:
    """Blend in the previous output, warped; with a gain, its detail is raised before it is fed back.

    Compensated: what a warp there and back changes is added before the warp, within the range of the neighbours: BFECC
    (Kim et al., "FlowFixer: Using BFECC for Fluid Simulation", 2005).
    """

    def run(material: Material) -> list[Tensor]:
        outputs = [material.styled[0]]
        for number in range(1, len(material.content)):
            flow = torch.from_numpy(material.flows[number - 1])[None]
            mask, before = _mask(material, number), outputs[-1]
            warped = _warped(before, flow, mode)
            if compensated:
                back = _warped(warped, torch.from_numpy(material.flows_ahead[number - 1])[None], mode)
                least, most = -F.max_pool2d(-before, 3, 1, 1), F.max_pool2d(before, 3, 1, 1)
                warped = _warped(before + (before - back) / 2, flow, mode)
                warped = torch.minimum(torch.maximum(warped, warp(least, flow)), warp(most, flow))
            styled = material.styled[number]
            output = styled + mask * (warped - styled)
            smooth = torch.from_numpy(cv2.GaussianBlur(output[0].permute(1, 2, 0).numpy(), (0, 0), 1)).permute(2, 0, 1)
            outputs.append(output + gain * mask * (output - smooth))
        return outputs

    return run


def feature_recursion(material: Material) -> list[Tensor]:
    """Blend in the previous frame's stylized features, warped, before the decoder."""
    features = material.encode(frame_tensor(material.content[0]))
    outputs = [material.decode(features)]
    for number in range(1, len(material.content)):
        now = material.encode(frame_tensor(material.content[number]))
        height, width = now.shape[2:]
        flow = resized_flow(torch.from_numpy(material.flows[number - 1])[None], height, width, mode="area")
        mask = F.interpolate(_mask(material, number), size=(height, width), mode="area")
        features = now + mask * (warp(features, flow) - now)
        outputs.append(material.decode(features))
    return outputs


def anchors(*, dis: int | None = None) -> Way:
    """Hold frames as tsn-run does: two anchors, cross-faded, their detail restored; with DIS or with the given flow."""

    def run(material: Material) -> list[Tensor]:
        graph, search = BlendGraph(), None if dis is None else DisFlow(preset=dis)
        outputs, age = [material.styled[0]], FADE
        stylized = [frames(styled) for styled in material.styled]
        older = newer = new_anchor(stylized[0][0].numpy(), material.content[0])
        for number in range(1, len(material.content)):
            frame, before = material.content[number], material.content[number - 1]
            flow = material.flows[number - 1] if search is None else search(frame, before)
            age += 1
            newer, older = newer.carried(flow, frame), older.carried(flow, frame) if age < FADE else newer
            share = torch.tensor([min(1.0, age / FADE)])
            seen = [torch.from_numpy(anchor.seen())[None] for anchor in (older, newer)]
            chroma = [torch.from_numpy(anchor.seen_chroma())[None] for anchor in (older, newer)]
            intact = [torch.from_numpy(anchor.intact())[None] for anchor in (older, newer)]
            current = torch.from_numpy(frame)[None]
            levels, _, explained = graph(stylized[number], current, *seen, *chroma, *intact, share, torch.ones(1))
            outputs.append(planes(levels))
            if age == PERIOD:
                trusted, styled = explained[0].numpy(), stylized[number][0].numpy()
                older, age = newer, 0
                newer = newer.renewed(styled, frame, seen=seen[1][0].numpy(), explained=trusted)
        return outputs

    return run


WAYS: dict[str, Way] = {
    "frame by frame": frame_wise,
    "recursion, bilinear": recursion(mode="bilinear"),
    "recursion, bicubic": recursion(mode="bicubic"),
    "recursion, bicubic, detail gain 0.2": recursion(mode="bicubic", gain=0.2),
    "recursion, BFECC": recursion(mode="bicubic", compensated=True),
    "recursion, BFECC, detail gain 0.2": recursion(mode="bicubic", compensated=True, gain=0.2),
    "recursion of features": feature_recursion,
    "anchors, RAFT-small": anchors(),
    "anchors, DIS fast": anchors(dis=cv2.DISOPTICAL_FLOW_PRESET_FAST),
}


def _mask(material: Material, number: int) -> Tensor:
    """Return how much of what came before a recursion takes, (1, 1, H, W): less where the content does not agree."""
    now, before = frame_tensor(material.content[number]), frame_tensor(material.content[number - 1])
    flow = torch.from_numpy(material.flows[number - 1])[None]
    mismatch = (warp(before, flow) - now).square().sum(dim=1, keepdim=True)
    return RECURSION * torch.exp(-MISMATCH * mismatch)


def _warped(image: Tensor, flow: Tensor, mode: str) -> Tensor:
    if mode == "bilinear":
        return warp(image, flow)
    y, x = np.mgrid[0 : image.shape[2], 0 : image.shape[3]].astype(np.float32)
    places = np.dstack([x, y]) + flow[0].numpy()
    no_map: Any = None
    read = cv2.remap(
        image[0].permute(1, 2, 0).numpy(), places, no_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return torch.from_numpy(read).permute(2, 0, 1)[None]
