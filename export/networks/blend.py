"""Holding a styled frame to the ones before it: the graph `blend`. All of it in FP32.

An anchor is a styled frame that is kept for twenty to thirty frames and read, once, where the flow since then has
carried each of its pixels: nothing is resampled twice, so nothing blurs, and what is shown is texture that the network
drew.
Two anchors of different age are cross-faded, as textures on flowing water are (Neyret, "Advected Textures", SCA 2003).
A mix of two textures is flatter than each: its detail is raised again to the energy of the frame's own styled detail,
after Heitz and Neyret, "High-Performance By-Example Noise using a Histogram-Preserving Blending Operator", HPG 2018.
Nothing of the result is fed back, so nothing can build up. docs/notes/temporal.md compares this with other ways.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.export.networks.anchors import as_planes, content_of
from tsn.export.networks.graphs import LUMA
from tsn.runtime.temporal.hold import LEAST_COVERAGE

LEVELS = 255.0**2  # squares of levels, in which the graph computes, for one of luma or colour in 0..1
TOLERANCE = 50 / LEVELS  # trust in an anchor: exp(-TOLERANCE x squared difference of luma to the current frame)
STRUCTURE = 1.6  # the same in shares of TOLERANCE, for what of the difference is no soft change of light
CHROMA_WEIGHTS = (2.5, 3.3)  # squares of Cr and of Cb in squares of red, green and blue less the luma, summed
GREY = 128  # Cr and Cb of what has no colour
COLOUR_TOLERANCE = 12 / LEVELS  # the same, for the squared difference of the styled colours as means over cells
FADE_TOLERANCE = 4 / LEVELS  # the same, for the squared change of the whole picture's mean luma
OTHER_SCENE, SAME_SCENE = 0.4, 0.7  # correlation of the contents: below the first no trust, above the second full
OWN_SHARE = 0.01  # weight of the styled frame at full strength: what remains where both anchors are trusted
CELL = 8  # pixels: energies of detail are compared over cells of this size, and between them smoothly
FINE, COARSE = 1.8, 1.5  # how much detail may be raised: finer than 3 pixels, and from there to 7
MOST_FADE = 1.5  # by how much contrast may have changed and still count as a fade
FLAT = 1e-4 * LEVELS  # of luma squared: below such a variance the fit of a fade says "no change"
EMPTY = 1e-5 * LEVELS  # of luma squared: a picture of such a variance shows nothing, and is like another that does not
FAINT = 1e-6 * LEVELS  # added to energies: keeps noise in flat areas from being raised


class BlendGraph(nn.Module):
    """A styled frame, held to two anchors.

    styled, current uint8 (1, H, W, 3); older, newer uint8 (1, H, W, 4) and older_chroma, newer_chroma uint8
    (1, H // 2, W // 2, 2): anchors as carried to this frame; older_intact, newer_intact uint8 (1, H, W): how far in one
    piece, 255 for all; share float32 (1,): of the newer, 0..1; strength float32 (1,): 0 gives the styled frame, 1 holds
    most
    -> blended uint8 (1, H, W, 3); coverage float32 (1,): the share of the picture that the anchors explain; explained
    uint8 (1, H, W): the weight that they have at full strength, 255 for all.
    """

    def forward(
        self,
        styled: Tensor,
        current: Tensor,
        older: Tensor,
        newer: Tensor,
        older_chroma: Tensor,
        newer_chroma: Tensor,
        older_intact: Tensor,
        newer_intact: Tensor,
        share: Tensor,
        strength: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        luma, chroma = content_of(current)
        styled, older, newer, older_chroma, newer_chroma = (
            as_planes(image) for image in (styled, older, newer, older_chroma, newer_chroma)
        )
        seen = luma, chroma, _cells(luma), _chroma_cells(chroma), _cells(styled)
        older_weight = (1 - share) / 255 * older_intact.float().unsqueeze(1) * _trust(older, older_chroma, *seen)
        newer_weight = share / 255 * newer_intact.float().unsqueeze(1) * _trust(newer, newer_chroma, *seen)
        explained = older_weight + newer_weight
        coverage = explained.mean().view(1)
        # strength -> weight of the styled frame: 1 -> OWN_SHARE, 0 -> all.
        certain = (coverage >= LEAST_COVERAGE).float() / (explained + OWN_SHARE)
        known = strength * certain
        held = known * explained
        blended = (1 - held) * styled + known * older_weight * older[:, :3] + known * newer_weight * newer[:, :3]
        blended = _restored(blended, styled, share=held)
        weight = (255 * certain * explained).round().squeeze(1).byte()
        return blended.round().clamp(0, 255).permute(0, 2, 3, 1).byte(), coverage, weight


def _restored(blended: Tensor, styled: Tensor, *, share: Tensor) -> Tensor:
    """`blended`, its detail raised to the energy, around each place, of that of `styled`; by a share (1, 1, H, W).

    Detail is in two bands: what a mean over 3x3 pixels removes, and what one over 5x5 removes from the rest.
    """
    smooth = _mean(blended, 3)
    smoother = _mean(smooth, 5)
    (fine, coarse), (wanted_fine, wanted_coarse) = _detail(_luma(blended)), _detail(_luma(styled))
    fine_gain = share * _gain(fine, wanted_fine, most=FINE)
    coarse_gain = share * _gain(coarse, wanted_coarse, most=COARSE)
    # blended + fine_gain (blended - smooth) + coarse_gain (smooth - smoother), in fewer passes
    return (1 + fine_gain) * blended + (coarse_gain - fine_gain) * smooth - coarse_gain * smoother


def _detail(luma: Tensor) -> tuple[Tensor, Tensor]:
    smooth = _mean(luma, 3)
    return luma - smooth, smooth - _mean(smooth, 5)


def _mean(images: Tensor, side: int) -> Tensor:
    return F.avg_pool2d(images, side, stride=1, padding=side // 2, count_include_pad=False)


def _trust(
    anchor: Tensor,
    anchor_chroma: Tensor,
    luma: Tensor,
    chroma: Tensor,
    luma_cells: Tensor,
    chroma_cells: Tensor,
    styled_cells: Tensor,
) -> Tensor:
    """How far each pixel may be shown as in an anchor (1, 4, H, W), 0..1, (1, 1, H, W): see BlendGraph.

    First by the content. A fade changes the luma of all its pixels by one line: it is fitted, over cells that lie
    inside the anchor, and taken out, and the chroma by the same gain. Chroma tells apart what is equally bright. How
    far a fade has moved the mean counts against the anchor as a whole, and so does a lack of correlation: another
    scene. Then by the style's colours, seen from afar: content can agree where they do not, as the outline drawn around
    something stays on the ground that it has left.
    """
    known = (anchor[:, 3:] > 0).float()
    before = anchor[:, 3:]
    cells = _cells(anchor)
    cells, before_cells = cells[:, :3], cells[:, 3:]
    inside = (_cells(known) > 0.99).float()
    count = inside.sum() + 1e-3
    mean, before_mean = (luma_cells * inside).sum() / count, (before_cells * inside).sum() / count
    spread, before_spread = (luma_cells - mean) * inside, (before_cells - before_mean) * inside
    variance, before_variance = spread.square().sum() / count, before_spread.square().sum() / count
    covariance = (spread * before_spread).sum() / count
    gain = ((covariance + FLAT) / (before_variance + FLAT)).clamp(1 / MOST_FADE, MOST_FADE)
    correlation = (covariance + EMPTY) / ((variance + EMPTY) * (before_variance + EMPTY)).sqrt()
    same = ((correlation - OTHER_SCENE) / (SAME_SCENE - OTHER_SCENE)).clamp(0, 1)
    faded = torch.exp(-FADE_TOLERANCE * (mean - before_mean).square())

    shift = mean - gain * before_mean
    excess = _excess(gain * before + shift, luma, gain * before_cells + shift, luma_cells)
    before_chroma = gain * (anchor_chroma - GREY) + GREY
    tint = _excess(before_chroma, chroma, _chroma_cells(before_chroma), chroma_cells)
    tint = (torch.tensor(CHROMA_WEIGHTS).view(1, 2, 1, 1) * tint).sum(dim=1, keepdim=True)
    colour = COLOUR_TOLERANCE * (cells - styled_cells).square().sum(dim=1, keepdim=True)
    colour = _enlarged(colour, tint) + TOLERANCE * _mean(tint, 3)
    return same * faded * known * torch.exp(-TOLERANCE * _mean(excess, 3) - _enlarged(colour, luma))


def _excess(before: Tensor, now: Tensor, before_cells: Tensor, cells: Tensor) -> Tensor:
    """How far an anchor's content lies from the frame's, squared; what is no soft change of light counts more."""
    difference = before - now
    return difference.square() + STRUCTURE * (difference - _enlarged(before_cells - cells, now)).square()


def _gain(detail: Tensor, wanted: Tensor, *, most: float) -> Tensor:
    """By how much more than once a detail must be taken to have the wanted one's energy: (1, 1, H, W)."""
    energy, wanted_energy = _mean(_cells(detail.square()), 3), _mean(_cells(wanted.square()), 3)
    ratio = (wanted_energy + FAINT) / (energy + FAINT)
    return _enlarged(ratio.sqrt().clamp(1 / most, most) - 1, detail)


def _enlarged(cells: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(cells, size=like.shape[2:], mode="bilinear", align_corners=False)


def _cells(images: Tensor) -> Tensor:
    """Means over cells. What does not fill a cell is left out: ONNX Runtime counts such cells otherwise than torch."""
    return F.avg_pool2d(images, CELL, stride=CELL)


def _chroma_cells(chroma: Tensor) -> Tensor:
    """The same cells of planes at half the size."""
    return F.avg_pool2d(chroma, CELL // 2, stride=CELL // 2)


def _luma(images: Tensor) -> Tensor:
    """(1, 3, H, W) -> (1, 1, H, W), by a matrix product: see as_planes."""
    height, width = images.shape[2:]
    return (torch.tensor([LUMA]) @ images.flatten(2)).view(1, 1, height, width)
