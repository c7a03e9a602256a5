"""Warps pictures along a flow, and masks the places where it cannot be trusted.

The occlusion test is that of Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos", GCPR 2016
(arXiv:1604.08610).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def warp(images: Tensor, flow: Tensor) -> Tensor:
    """Return images (N, C, H, W) read bilinearly at each pixel plus `flow` (N or 1, H, W, 2); outside, edges repeat."""
    height, width = images.shape[2:]
    x = torch.arange(width, dtype=torch.float32, device=flow.device) + flow[..., 0]
    y = torch.arange(height, dtype=torch.float32, device=flow.device).unsqueeze(1) + flow[..., 1]
    grid = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=-1)
    grid = grid.expand(images.shape[0], -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)


def trusted(backward: Tensor, forward: Tensor) -> Tensor:
    """Return a mask (N, 1, H, W): 0 where a pixel is occluded, at an edge of the motion or from outside, else 1.

    With b the flow from a frame to an earlier one and w the flow back to it, read along b, a pixel is left out where
    |w + b|^2 > 0.01 (|w|^2 + |b|^2) + 0.5 or |grad b|^2 > 0.01 |b|^2 + 0.002, or where b leaves the picture.

    Args:
        backward: b, (N, H, W, 2) in pixels, from the later frame to the earlier one.
        forward: from the earlier frame to the later one.
    """
    b = backward.permute(0, 3, 1, 2)
    w = warp(forward.permute(0, 3, 1, 2), backward)
    consistent = _square(w + b) <= 0.01 * (_square(w) + _square(b)) + 0.5
    across = F.pad(b[..., 1:] - b[..., :-1], (0, 1))
    down = F.pad(b[..., 1:, :] - b[..., :-1, :], (0, 0, 0, 1))
    smooth = _square(across) + _square(down) <= 0.01 * _square(b) + 0.002
    return (consistent & smooth & _inside(backward)).float()


def _square(vectors: Tensor) -> Tensor:
    return vectors.square().sum(dim=1, keepdim=True)


def _inside(flow: Tensor) -> Tensor:
    height, width = flow.shape[1:3]
    x = torch.arange(width, device=flow.device) + flow[..., 0]
    y = torch.arange(height, device=flow.device).unsqueeze(1) + flow[..., 1]
    return ((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)).unsqueeze(1)
