"""Warping error: how far a frame is from the one before it, warped along the flow of the content.

Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018 (arXiv:1808.00449), equation 12.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from tsn.train.warping import warp


def squared_error(earlier: Tensor, later: Tensor, backward: Tensor) -> Tensor:
    """Return the squared difference (1, 1, H, W), mean over the channels, of `later` and the warped `earlier`."""
    return (warp(earlier, backward) - later).square().mean(dim=1, keepdim=True)


def warping_error(earlier: Tensor, later: Tensor, backward: Tensor, mask: Tensor) -> float:
    """Return E of a pair of outputs (1, 3, H, W) in 0..1: the squared error, mean over the pixels that the mask counts.

    0 where the mask counts none: the pair then says nothing.
    """
    counted = float(mask.sum())
    return float((squared_error(earlier, later, backward) * mask).sum()) / counted if counted else 0.0


def feature_consistency(earlier: Tensor, later: Tensor, backward: Tensor) -> float:
    """Return ||F_t - warp(F_t-1)||^2, mean over features (1, C, h, w) of two outputs; `backward` is of full frames."""
    flow = resized_flow(backward, *later.shape[2:], mode="bilinear")
    return float((warp(earlier, flow) - later).square().mean())


def resized_flow(flow: Tensor, height: int, width: int, *, mode: str) -> Tensor:
    """Return a flow (1, H, W, 2) for frames of another size, in their pixels; `mode` is that of F.interpolate."""
    full_height, full_width = flow.shape[1:3]
    resized = F.interpolate(flow.permute(0, 3, 1, 2), size=(height, width), mode=mode)
    return resized.permute(0, 2, 3, 1) * torch.tensor([width / full_width, height / full_height])


def end_point_error(flow: Tensor, truth: Tensor, *, unknown: float = 1e9) -> float:
    """Return the mean distance in pixels of two flows (1, H, W, 2), over the pixels whose truth is below `unknown`."""
    known = (truth.abs() < unknown).all(dim=-1)
    return float((flow - truth).square().sum(dim=-1).sqrt()[known].mean())
