"""Warping: how far a video is from itself, carried along the flow of the video it was made from.

Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018 (arXiv:1808.00449), equation 12.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from tsn.train.warping import warp


def squared_error(earlier: Tensor, later: Tensor, backward: Tensor) -> Tensor:
    """The squared difference (1, 1, H, W), mean over the channels, of `later` and `earlier` carried to it."""
    return (warp(earlier, backward) - later).square().mean(dim=1, keepdim=True)


def warping_error(earlier: Tensor, later: Tensor, backward: Tensor, mask: Tensor) -> float:
    """E of a pair of outputs (1, 3, H, W) in 0..1: the squared error, mean over the pixels that the mask counts.

    0 where the mask counts none: the pair then says nothing.
    """
    counted = float(mask.sum())
    return float((squared_error(earlier, later, backward) * mask).sum()) / counted if counted else 0.0


def feature_consistency(earlier: Tensor, later: Tensor, backward: Tensor) -> float:
    """||F_t - warp(F_t-1)||^2, mean over features (1, C, h, w) of two outputs; the flow is that of the full frames."""
    height, width = later.shape[2:]
    full_height, full_width = backward.shape[1:3]
    flow = F.interpolate(backward.permute(0, 3, 1, 2), size=(height, width), mode="bilinear", align_corners=False)
    flow = flow * torch.tensor([width / full_width, height / full_height]).view(1, 2, 1, 1)
    return float((warp(earlier, flow.permute(0, 2, 3, 1)) - later).square().mean())


def end_point_error(flow: Tensor, truth: Tensor, *, unknown: float = 1e9) -> float:
    """The mean distance in pixels of two flows (1, H, W, 2), over the pixels whose truth is below `unknown`."""
    known = (truth.abs() < unknown).all(dim=-1)
    return float((flow - truth).square().sum(dim=-1).sqrt()[known].mean())
