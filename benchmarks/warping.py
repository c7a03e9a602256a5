"""Warping: how far a video is from itself, carried along the flow of the video it was made from.

Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018 (arXiv:1808.00449), equation 12, with the occlusion
test of Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos", GCPR 2016 (arXiv:1604.08610).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """The images (N, C, H, W), read bilinearly at each pixel plus `flow` (1, H, W, 2); outside, the edge repeats."""
    height, width = images.shape[2:]
    x = torch.arange(width, dtype=torch.float32) + flow[..., 0]
    y = torch.arange(height, dtype=torch.float32).unsqueeze(1) + flow[..., 1]
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=-1)
    grid = grid.expand(images.shape[0], -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)


def trusted(backward: Tensor, forward: Tensor) -> Tensor:
    """Where a flow can be trusted: (1, 1, H, W), 1 where the pixel is counted, 0 where it is occluded or at an edge.

    With b the flow from a frame to an earlier one and w the flow back to it, read along b, a pixel is left out where
    |w + b|^2 > 0.01 (|w|^2 + |b|^2) + 0.5 or |grad b|^2 > 0.01 |b|^2 + 0.002, or where b leaves the picture.

    Args:
        backward: b, (1, H, W, 2) in pixels, from the later frame to the earlier one.
        forward: from the earlier frame to the later one.
    """
    b = backward.permute(0, 3, 1, 2)
    w = warp(forward.permute(0, 3, 1, 2), backward)
    consistent = _square(w + b) <= 0.01 * (_square(w) + _square(b)) + 0.5
    across = F.pad(b[..., 1:] - b[..., :-1], (0, 1))
    down = F.pad(b[..., 1:, :] - b[..., :-1, :], (0, 0, 0, 1))
    smooth = _square(across) + _square(down) <= 0.01 * _square(b) + 0.002
    return (consistent & smooth & _inside(backward)).float()


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


def _square(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _inside(flow: Tensor) -> Tensor:
    height, width = flow.shape[1:3]
    x = torch.arange(width) + flow[..., 0]
    y = torch.arange(height).unsqueeze(1) + flow[..., 1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).unsqueeze(1)
