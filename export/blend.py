"""Holding a styled frame to the ones before it: the graphs `anchor`, `carry` and `blend`. All of it in FP32.

An anchor is a styled frame that is kept for some dozen frames and read, once, where the flow since then has carried
each of its pixels: nothing is resampled twice, so nothing blurs, and what is shown is texture that the network drew.
Two anchors of different age are cross-faded, as textures on flowing water are (Neyret, "Advected Textures", SCA 2003).
A mix of two textures is flatter than each: its detail is raised again to the energy of the frame's own styled detail,
after Heitz and Neyret, "High-Performance By-Example Noise using a Histogram-Preserving Blending Operator", HPG 2018.
Nothing of the result is fed back, so nothing can build up. docs/temporal.md compares this with other ways.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.export.graphs import LUMA, frames
from tsn.runtime.anchors import OFFSET
from tsn.runtime.temporal import LEAST_COVERAGE

TOLERANCE = 50.0  # trust in an anchor: exp(-TOLERANCE x squared difference of luma to the current frame)
STRUCTURE_TOLERANCE = 80.0  # the same, for what of the difference is no soft change of light
COLOUR_TOLERANCE = 30.0  # the same, for the squared difference of the styled colours as means over cells
FADE_TOLERANCE = 4.0  # the same, for the squared change of the whole picture's mean luma
OTHER_SCENE, SAME_SCENE = 0.4, 0.7  # correlation of the contents: below the first no trust, above the second full
OWN_SHARE = 0.01  # weight of the styled frame at full strength: what remains where both anchors are trusted
CELL = 8  # pixels: energies of detail are compared over cells of this size, and between them smoothly
FINE, COARSE = 1.8, 1.5  # how much detail may be raised: finer than 3 pixels, and from there to 7
MOST_FADE = 1.5  # by how much contrast may have changed and still count as a fade
FLAT = 1e-4  # of luma squared: below such a variance the fit of a fade says "no change"
FAINT = 1e-6  # added to energies (of 0..1 squared): keeps noise in flat areas from being raised


class AnchorGraph(nn.Module):
    """What is kept of a frame.

    styled float32 (1, 3, H, W); current uint8 (1, H, W, 3): the frame it was made from
    -> anchor float32 (1, H, W, 4): styled RGB, and the luma of `current` plus OFFSET.
    """

    def forward(self, styled: Tensor, current: Tensor) -> Tensor:
        return torch.cat([styled, _luma_of_frame(current) + OFFSET], dim=1).permute(0, 2, 3, 1)


class CarryGraph(nn.Module):
    """An anchor as the current frame would see it.

    anchor float32 (1, H, W, 4); displacement float32 (1, H, W, 2): pixels, from the previous frame to the anchor; flow
    float32 (1, H, W, 2): pixels, from the current frame to the previous one
    -> carried float32 (1, H, W, 4), 0 outside the anchor; carried_displacement: from the current frame to the anchor.

    The displacement is smooth and may be read bilinearly every frame; the anchor is read once, bicubically.
    """

    def forward(self, anchor: Tensor, displacement: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        before = _read(displacement, flow, mode="bilinear", padding="border")
        displacement = flow + before.permute(0, 2, 3, 1)
        carried = _read(anchor, displacement, mode="bicubic", padding="zeros")
        return carried.permute(0, 2, 3, 1), displacement


class BlendGraph(nn.Module):
    """A styled frame, held to two anchors.

    styled float32 (1, 3, H, W); current uint8 (1, H, W, 3); older, newer float32 (1, H, W, 4): anchors as carried to
    this frame; older_intact, newer_intact float32 (1, H, W): how far in one piece, 0..1; share float32 (1,): of the
    newer, 0..1; strength float32 (1,): 0 gives the styled frame, 1 holds most
    -> blended uint8 (1, H, W, 3); coverage float32 (1,): the share of the picture that the anchors explain.
    """

    def forward(
        self,
        styled: Tensor,
        current: Tensor,
        older: Tensor,
        newer: Tensor,
        older_intact: Tensor,
        newer_intact: Tensor,
        share: Tensor,
        strength: Tensor,
    ) -> tuple[Tensor, Tensor]:
        luma = _luma_of_frame(current) + OFFSET
        older, newer = _as_planes(older), _as_planes(newer)
        older_trust = older_intact.unsqueeze(1) * _trust(older[:, 3:], luma) * _alike(older[:, :3], styled)
        newer_trust = newer_intact.unsqueeze(1) * _trust(newer[:, 3:], luma) * _alike(newer[:, :3], styled)
        older_weight, newer_weight = (1 - share) * older_trust, share * newer_trust
        explained = older_weight + newer_weight
        coverage = explained.mean().view(1)
        known = strength * (coverage >= LEAST_COVERAGE).float()
        # strength -> weight of the styled frame: 1 -> OWN_SHARE, 0 -> all.
        held = known * explained / (explained + OWN_SHARE)
        mixed = (older_weight * older[:, :3] + newer_weight * newer[:, :3]) / (explained + 1e-6)
        blended = styled + held * (mixed - styled)
        blended = blended + held * self._restored(blended, styled)
        return frames(blended.clamp(0, 1)), coverage

    def _restored(self, blended: Tensor, styled: Tensor) -> Tensor:
        """What to add so that the detail of `blended` has, around each place, the energy of that of `styled`."""
        fine, coarse = _detail(blended)
        fine_luma, coarse_luma = _detail(torch.cat([_luma(blended), _luma(styled)]))
        return _gain(fine_luma, most=FINE) * fine + _gain(coarse_luma, most=COARSE) * coarse


def _detail(images: Tensor) -> tuple[Tensor, Tensor]:
    """Two bands of the images: what a mean over 3x3 pixels removes, and what one over 5x5 removes from the rest."""
    smooth = _mean(images, 3)
    return images - smooth, smooth - _mean(smooth, 5)


def _mean(images: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(images, side, stride=1, padding=side // 2, count_include_pad=False)


def _trust(anchor: Tensor, luma: Tensor) -> Tensor:
    """How far an anchor's content explains each pixel of the current one, 0..1; both are luma (1, 1, H, W) + OFFSET.

    A fade changes all pixels by one line: it is fitted, over cells that lie inside the anchor, and taken out. How far
    it has moved the mean counts against the anchor as a whole, and so does a lack of correlation: another scene.
    """
    known = (anchor > OFFSET / 2).float()
    cells = _cells(torch.cat([anchor, luma]))
    inside = (_cells(known) > 0.99).float()
    count = inside.sum() + 1e-3
    means = (cells * inside).sum(dim=(2, 3), keepdim=True) / count  # (2, 1, 1, 1)
    spread = (cells - means) * inside
    variances = spread.square().sum(dim=(2, 3), keepdim=True) / count
    covariance = (spread[:1] * spread[1:]).sum(dim=(2, 3), keepdim=True) / count
    gain = ((covariance + FLAT) / (variances[:1] + FLAT)).clamp(1 / MOST_FADE, MOST_FADE)
    correlation = (covariance + FLAT) / ((variances[:1] * variances[1:]).sqrt() + FLAT)
    same = ((correlation - OTHER_SCENE) / (SAME_SCENE - OTHER_SCENE)).clamp(0, 1)
    faded = torch.exp(-FADE_TOLERANCE * (means[1:] - means[:1]).square())

    difference = gain * (anchor - means[:1]) - (luma - means[1:])
    shade = F.interpolate(_cells(difference), size=luma.shape[2:], mode="bilinear", align_corners=False)
    excess = TOLERANCE * difference.square() + STRUCTURE_TOLERANCE * (difference - shade).square()
    return same * faded * torch.exp(-_mean(excess, 3)) * known


def _alike(anchor: Tensor, styled: Tensor) -> Tensor:
    """How far an anchor's colours, seen from afar, are those of the styled frame, 0..1, (1, 1, H, W).

    Content can agree where the style's does not: the outline drawn around something stays on the ground it has left.
    """
    difference = _cells(anchor - styled).square().sum(dim=1, keepdim=True)
    difference = F.interpolate(difference, size=styled.shape[2:], mode="bilinear", align_corners=False)
    return torch.exp(-COLOUR_TOLERANCE * difference)


def _gain(detail: Tensor, *, most: float) -> Tensor:
    """By how much more than once the first image's detail must be taken to have the second's energy: (1, 1, H, W)."""
    energy = _mean(_cells(detail.square()), 3)
    ratio = (energy[1:] + FAINT) / (energy[:1] + FAINT)
    gain = ratio.sqrt().clamp(1 / most, most) - 1
    return F.interpolate(gain, size=detail.shape[2:], mode="bilinear", align_corners=False)


def _cells(images: Tensor) -> Tensor:
    """Means over cells. What does not fill a cell is left out: ONNX Runtime counts such cells otherwise than torch."""
    return F.avg_pool2d(images, CELL, stride=CELL)


# In these three a matrix product or a reshape stands where a convolution or a permutation would say the same: ONNX
# Runtime would reorder the former, and would push the latter below products that are slow there.


def _luma(images: Tensor) -> Tensor:
    """(1, 3, H, W) -> (1, 1, H, W)"""
    height, width = images.shape[2:]
    return (torch.tensor([LUMA]) @ images.flatten(2)).view(1, 1, height, width)


def _luma_of_frame(frame: Tensor) -> Tensor:
    """uint8 (1, H, W, 3) in 0..255 -> (1, 1, H, W) in 0..1"""
    height, width = frame.shape[1:3]
    return (frame.float().view(-1, 3) @ (torch.tensor(LUMA).view(3, 1) / 255)).view(1, 1, height, width)


def _as_planes(anchor: Tensor) -> Tensor:
    """(1, H, W, 4) -> (1, 4, H, W)"""
    height, width = anchor.shape[1:3]
    return anchor.view(-1, 4).permute(1, 0).reshape(1, 4, height, width)


def _read(values: Tensor, offset: Tensor, *, mode: str, padding: str) -> Tensor:
    """values (1, H, W, C), read at each pixel plus `offset` (1, H, W, 2), as (1, C, H, W)."""
    height, width = values.shape[1], values.shape[2]
    x = torch.arange(width).float() + offset[..., 0]
    y = torch.arange(height).float().unsqueeze(1) + offset[..., 1]
    grid = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)
    return F.grid_sample(values.permute(0, 3, 1, 2), grid, mode=mode, padding_mode=padding, align_corners=True)
