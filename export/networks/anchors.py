"""The graphs `anchor` and `carry`, for frames on a GPU: what runtime/temporal/opencv_anchors.py does with OpenCV.

All of it in FP32.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.export.networks.graphs import LUMA
from tsn.runtime.temporal.opencv_anchors import CELL, DARKEST, REACH, TORN, WHOLE


class AnchorGraph(nn.Module):
    """What is kept of a frame.

    styled uint8 (1, H, W, 3); current uint8 (1, H, W, 3): the frame it was made from
    -> anchor uint8 (1, H, W, 4): styled RGB, and the luma of `current` on DARKEST..255, since 0 is read outside.
    """

    def forward(self, styled: Tensor, current: Tensor) -> Tensor:
        luma = frame_luma(current).permute(0, 2, 3, 1)
        return torch.cat([styled.float(), luma], dim=3).round().clamp(0, 255).byte()


class CarryGraph(nn.Module):
    """An anchor as the current frame would see it.

    anchor uint8 (1, H, W, 4); displacement float32 (1, H, W, 2): pixels, from the previous frame to the anchor; flow
    float32 (1, H, W, 2): pixels, from the current frame to the previous one
    -> carried uint8 (1, H, W, 4), 0 outside the anchor; carried_displacement: from the current frame to the anchor;
    intact uint8 (1, H, W): how far each pixel's surroundings have come in one piece, 255 for all.

    The displacement is smooth and may be read bilinearly every frame; the anchor is read once, bicubically.
    """

    def forward(self, anchor: Tensor, displacement: Tensor, flow: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        before = _read(displacement, flow, mode="bilinear", padding="border")
        displacement = flow + before.permute(0, 2, 3, 1)
        carried = _read(anchor.float(), displacement, mode="bicubic", padding="zeros")
        return carried.permute(0, 2, 3, 1).round().clamp(0, 255).byte(), displacement, _intact(displacement)


def frame_luma(frame: Tensor) -> Tensor:
    """uint8 (1, H, W, 3) in 0..255 -> (1, 1, H, W) in DARKEST..255, as in an anchor."""
    height, width = frame.shape[1:3]
    # A matrix product where a convolution would say the same: ONNX Runtime would reorder that.
    scaled = torch.tensor(LUMA).view(3, 1) * ((255 - DARKEST) / 255)
    return (frame.float().view(-1, 3) @ scaled).view(1, 1, height, width) + DARKEST


def _intact(displacement: Tensor) -> Tensor:
    """See OpenCvAnchor.intact of runtime/temporal/opencv_anchors.py."""
    cells = F.avg_pool2d(displacement.permute(0, 3, 1, 2), CELL, stride=CELL)
    around = F.pad(cells, (1, 1, 1, 1), mode="replicate")
    across = (around[:, :, 1:-1, 2:] - around[:, :, 1:-1, :-2]) * (0.5 / CELL)
    down = (around[:, :, 2:, 1:-1] - around[:, :, :-2, 1:-1]) * (0.5 / CELL)
    changes = F.pad(torch.cat([across, down], dim=1), (1, 1, 1, 1), mode="replicate")
    change = F.avg_pool2d(changes, 3, stride=1).square().sum(dim=1, keepdim=True).sqrt()
    worst = F.max_pool2d(change, 2 * REACH + 1, stride=1, padding=REACH)
    levels = ((TORN - worst) * (255 / (TORN - WHOLE))).clamp(0, 255).round()
    sides = displacement.shape[1:3]
    return F.interpolate(levels, size=sides, mode="bilinear", align_corners=False).squeeze(1).round().byte()


def _read(values: Tensor, offset: Tensor, *, mode: str, padding: str) -> Tensor:
    """values (1, H, W, C), read at each pixel plus `offset` (1, H, W, 2), as (1, C, H, W)."""
    height, width = values.shape[1], values.shape[2]
    x = torch.arange(width).float() + offset[..., 0]
    y = torch.arange(height).float().unsqueeze(1) + offset[..., 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    return F.grid_sample(values.permute(0, 3, 1, 2), grid, mode=mode, padding_mode=padding, align_corners=True)
