"""The graphs `anchor` and `carry`, for frames on a GPU: what runtime/temporal/opencv_anchors.py does with OpenCV.

All of it in FP32.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.export.networks.graphs import CHROMA, LUMA
from tsn.runtime.temporal.opencv_anchors import (
    CELL,
    DARKEST,
    FAR,
    GRAIN,
    LEAST_KEPT,
    MOST_KEPT,
    MOVED,
    MOVING,
    OTHER_COLOURS,
    REACH,
    RENEWAL_CELL,
    STANDING,
    STRUCTURED,
    TORN,
    UNLIKE,
    WHOLE,
    WINDOW,
)


class AnchorGraph(nn.Module):
    """What is kept of a frame, and goes on as the anchor before where nothing has moved: see OpenCvAnchor.renewed.

    styled uint8 (1, H, W, 3); current uint8 (1, H, W, 3): the frame it was made from; kept, kept_chroma: the anchor
    before; displacement float32 (1, H, W, 2): pixels, from this frame to that anchor; carried: that anchor as this
    frame sees it; explained uint8 (1, H, W): the weight of anchors, 255 for all; where it is 0 nothing is kept
    -> anchor uint8 (1, H, W, 4): styled RGB, and the luma of `current` on DARKEST..255, since 0 is read outside;
    anchor_chroma uint8 (1, H // 2, W // 2, 2): its Cr and Cb; anchor_displacement: from this frame to the anchor.
    """

    def forward(
        self,
        styled: Tensor,
        current: Tensor,
        kept: Tensor,
        kept_chroma: Tensor,
        displacement: Tensor,
        carried: Tensor,
        explained: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        luma, chroma = content_of(current)
        fresh, fresh_chroma = torch.cat([as_planes(styled), luma], dim=1), chroma
        share = _kept(displacement, carried, styled, explained)
        anchor = fresh.round() + share * (as_planes(kept) - fresh.round())
        anchor_chroma = fresh_chroma.round() + _halved(share) * (as_planes(kept_chroma) - fresh_chroma.round())
        return (
            _levels(anchor.permute(0, 2, 3, 1)),
            _levels(anchor_chroma.permute(0, 2, 3, 1)),
            displacement * share.permute(0, 2, 3, 1),
        )


def _kept(displacement: Tensor, carried: Tensor, styled: Tensor, explained: Tensor) -> Tensor:
    """How much of the anchor before each pixel keeps, 0..1, (1, 1, H, W)."""
    moved = _means(displacement.square().sum(dim=3).sqrt().unsqueeze(1))
    colours = (_means(as_planes(carried)[:, :3]) - _means(as_planes(styled))).square().sum(dim=1, keepdim=True)
    still = torch.exp(-(moved / MOVED).square().square() - OTHER_COLOURS * colours)
    still = F.interpolate(still, size=displacement.shape[1:3], mode="bilinear", align_corners=False)
    kept = still * explained.float().unsqueeze(1) / 255
    return (kept.clamp(LEAST_KEPT, MOST_KEPT) - LEAST_KEPT) / (MOST_KEPT - LEAST_KEPT)


def _means(images: Tensor) -> Tensor:
    return F.avg_pool2d(images, RENEWAL_CELL, stride=RENEWAL_CELL)


class CarryGraph(nn.Module):
    """An anchor as the current frame would see it: see OpenCvAnchor.carried.

    anchor, anchor_chroma: as AnchorGraph gives them; displacement float32 (1, H, W, 2): pixels, from the previous frame
    to the anchor; flow float32 (1, H, W, 2): pixels, from the current frame to the previous one; current uint8
    (1, H, W, 3): the frame
    -> carried uint8 (1, H, W, 4), 0 outside the anchor; carried_chroma; carried_displacement: from the current frame to
    the anchor; offset: the same, 0 where the anchor explains the frame unmoved; intact uint8 (1, H, W): how far each
    pixel's surroundings have come in one piece, 255 for all.

    The displacement is smooth and may be read bilinearly every frame; the anchor is read once, bicubically, and its
    chroma, which is only compared, bilinearly.
    """

    def forward(
        self, anchor: Tensor, anchor_chroma: Tensor, displacement: Tensor, flow: Tensor, current: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        values = anchor.float()  # first: TensorRT lets nothing but a Cast touch uint8
        before = _read(displacement, flow, mode="bilinear", padding="border")
        displacement = flow + before.permute(0, 2, 3, 1)
        offset = displacement * _moving(values, displacement, current)
        carried = _read(values, offset, mode="bicubic", padding="zeros")
        chroma = _read(anchor_chroma.float(), _half_offset(offset), mode="bilinear", padding="border")
        return (
            _levels(carried.permute(0, 2, 3, 1)),
            _levels(chroma.permute(0, 2, 3, 1)),
            displacement,
            offset,
            _intact(displacement),
        )


def _moving(anchor: Tensor, displacement: Tensor, current: Tensor) -> Tensor:
    """0 where the anchor explains the frame unmoved, else 1: (1, H, W, 1)."""
    luma, now = _halved(anchor[..., 3:].permute(0, 3, 1, 2)).round(), _halved(content_of(current)[0]).round()
    half = _half_offset(displacement)
    moved = _read(luma.permute(0, 2, 3, 1), half, mode="bilinear", padding="border").round()
    allowed = (_window_mean((moved - now).square()) + GRAIN).clamp(max=UNLIKE)
    unmoved = _window_mean((luma - now).square()) < allowed
    structured = (_window_mean((now - _window_mean(now).round()).square()) > STRUCTURED).float()
    share = (structured * unmoved.float()).sum() / (structured.sum() + 1)
    farthest = FAR * ((share - MOVING) / (STANDING - MOVING)).clamp(0, 1)
    near = (2 * half).square().sum(dim=3).unsqueeze(1) < farthest.square()
    moving = 1 - (unmoved & near).float()
    return F.interpolate(moving, size=displacement.shape[1:3], mode="nearest").permute(0, 2, 3, 1)


def _window_mean(images: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(images, (WINDOW // 2,) * 4, mode="reflect"), WINDOW, stride=1)


def _half_offset(offset: Tensor) -> Tensor:
    """The same offset (1, H, W, 2) between frames of half the size, in their pixels."""
    return _halved(offset.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) / 2


def content_of(frame: Tensor) -> tuple[Tensor, Tensor]:
    """What anchors keep of a frame uint8 (1, H, W, 3), in 0..255.

    -> its luma (1, 1, H, W) on DARKEST..255; its Cr and Cb (1, 2, H // 2, W // 2), 128 for grey.
    """
    rgb = as_planes(frame)
    half = _halved(rgb)
    luma, chroma = torch.tensor([LUMA]) @ rgb.flatten(2), torch.tensor(CHROMA) @ half.flatten(2)
    luma = luma.view(1, 1, *rgb.shape[2:]) * ((255 - DARKEST) / 255) + DARKEST
    return luma, chroma.view(1, 2, *half.shape[2:]) + 128


def as_planes(image: Tensor) -> Tensor:
    """uint8 (1, H, W, C) -> float32 (1, C, H, W), both in 0..255.

    A reshape stands where a permutation would say the same, and above a matrix product where a convolution would: ONNX
    Runtime would push the former below products that are slow there, and would reorder the latter.
    """
    height, width, channels = image.shape[1:]
    return image.float().view(-1, channels).permute(1, 0).reshape(1, channels, height, width)


def _levels(values: Tensor) -> Tensor:
    return values.round().clamp(0, 255).byte()


def _halved(images: Tensor) -> Tensor:
    """Means over 2x2 pixels; of an odd side the last pixel is left out."""
    return F.avg_pool2d(images, 2)


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
