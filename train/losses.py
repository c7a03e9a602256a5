"""Losses of an output: content, style, colour, smoothness and steadiness. All are computed in float32.

Content and style losses: Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016; with
mean and standard deviation in place of Gram matrices: Huang and Belongie, ICCV 2017 (arXiv:1703.06868), equation 13.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional

from tsn.train.networks.adain import EPSILON, statistics

GRID_PERIODS = (2, 4, 8)  # pixels: of the grids that sub-pixel convolutions can leave
BESIDE = (-7, -6, -5, -4, -3, 3, 4, 5, 6, 7)  # frequencies from that of a period, which its power is compared with
POWER_FLOOR = 1e-6  # of a flat picture, which has no grid
ROOT_FLOOR = 1e-4  # of a loss: where it is smaller, its root would have too steep a gradient

StyleLoss = Literal["gram", "mean_std"]
StyleTargets = Sequence[Tensor]  # for each layer (N, C, C) Gram matrices, or (N, 2, C) means and deviations


def gram(features: Tensor) -> Tensor:
    """Return the Gram matrices (N, C, C) of features (N, C, H, W), divided by H x W.

    Not by C x H x W: that makes the style loss so small that nothing is learnt from it.
    """
    flat = features.float().flatten(2)
    with torch.autocast(features.device.type, enabled=False):
        return flat @ flat.transpose(1, 2) / flat.shape[2]


def mean_std(features: Tensor) -> Tensor:
    """Return mean and standard deviation of each channel, (N, 2, C), in float32."""
    if features.dtype == torch.bfloat16:
        return _HalfStatistics.apply(features)
    return torch.stack([part.flatten(1) for part in statistics(features)], dim=1)


class _HalfStatistics(torch.autograd.Function):
    """mean_std without a float32 copy of the features, forward or backward: on a CPU such copies cost the most."""

    @staticmethod
    def forward(ctx: FunctionCtx, features: Tensor) -> Tensor:
        count = features.shape[2] * features.shape[3]
        mean = features.sum(dim=(2, 3), dtype=torch.float32) / count
        squares = torch.linalg.vector_norm(features, dim=(2, 3), dtype=torch.float32).square()
        std = ((squares - count * mean.square()).clamp(min=0) / (count - 1) + EPSILON).sqrt()
        ctx.save_for_backward(features, mean, std)
        return torch.stack([mean, std], dim=1)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        (gradient,) = grad_outputs
        features, mean, std = ctx.saved_tensors
        count = features.shape[2] * features.shape[3]
        slope = gradient[:, 1] / std / (count - 1)
        offset = gradient[:, 0] / count - slope * mean
        slope, offset = (part[..., None, None].to(features.dtype) for part in (slope, offset))
        return torch.addcmul(offset, slope, features)


def style_targets(features: Sequence[Tensor], *, kind: StyleLoss) -> list[Tensor]:
    """Return the statistics of each layer that the style loss compares: see StyleTargets."""
    measure = gram if kind == "gram" else mean_std
    return [measure(layer) for layer in features]


def style_loss(features: Sequence[Tensor], targets: StyleTargets, *, kind: StyleLoss, balanced: bool = False) -> Tensor:
    """Return the mean squared difference of Gram matrices, or of means plus that of deviations, summed over layers.

    With `balanced`, the square root of that sum for each picture: see balanced_mean.
    """
    scale = 1 if kind == "gram" else 2  # the mean over both halves, made their sum
    pairs = zip(style_targets(features, kind=kind), targets, strict=True)
    squares = torch.stack([_squares(found, target) * scale for found, target in pairs]).sum(dim=0)
    return balanced_mean(squares) if balanced else squares.mean()


def content_loss(features: Tensor, target: Tensor, *, balanced: bool = False) -> Tensor:
    """Return the mean squared difference of two features of the same layer; with `balanced` see balanced_mean."""
    squares = _squares(features, target)
    return balanced_mean(squares) if balanced else squares.mean()


def balanced_mean(squares: Tensor) -> Tensor:
    """Return the mean of the square roots of each picture's loss (N,).

    The loss of a vivid style is ten times that of a calm one, so a plain mean is nearly that of the vivid ones alone.
    The gradient of a root counts each picture by what share of its loss goes.
    """
    return (squares + ROOT_FLOOR).sqrt().mean()


def grid_loss(images: Tensor) -> Tensor:
    """Return how far power at GRID_PERIODS is above that at frequencies beside, as a logarithm; below it, 0.

    It is the mean over periods, both axes and the images (N, C, S, S); S is a multiple of 8 and at least 128.
    """
    side = images.shape[3]
    window = torch.hann_window(side, device=images.device)
    parts: list[Tensor] = []
    for axis in (2, 3):
        lines = images.float().transpose(axis, 3)
        lines = (lines - lines.mean(dim=3, keepdim=True)) * window
        power = torch.fft.rfft(lines).abs().square().mean(dim=(1, 2)) + POWER_FLOOR  # (N, S / 2 + 1)
        for period in GRID_PERIODS:
            place = side // period
            beside = [place + step for step in BESIDE if place + step < power.shape[1]]
            parts.append((power[:, place] / power[:, beside].mean(dim=1).detach()).log().relu())
    return torch.stack(parts).mean()


def _squares(found: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared difference for each picture, (N,)."""
    return (found.float() - target.float()).square().flatten(1).mean(dim=1)


def colour_loss(outputs: Tensor, colours: Tensor) -> Tensor:
    """Return the squared difference of each output's mean and deviation of R, G and B to colours (N, 2, 3)."""
    return functional.mse_loss(mean_std(outputs), colours) * 2


def recoloured(photos: Tensor, styles: Tensor) -> Tensor:
    """Return photos (N, 3, H, W) in 0..1, their colours brought to mean and covariance of the styles' (N, 3, T, T).

    The linear Monge-Kantorovich map: Pitie and Kokaram, "The linear Monge-Kantorovitch linear colour mapping for
    example-based colour transfer", CVMP 2007.
    """
    flat, other = photos.float().flatten(2), styles.float().flatten(2)
    mean, target = flat.mean(2, keepdim=True), other.mean(2, keepdim=True)
    floor = 1e-4 * torch.eye(3, device=photos.device)  # of a variance: a grey picture has only one
    centred = flat - mean
    covariance = centred @ centred.transpose(1, 2) / flat.shape[2] + floor
    wanted = (other - target) @ (other - target).transpose(1, 2) / other.shape[2] + floor
    root = _power(covariance, 0.5)
    inverse = _power(covariance, -0.5)
    matrix = inverse @ _power(root @ wanted @ root, 0.5) @ inverse
    return (matrix @ centred + target).clamp(0, 1).view_as(photos)


def _power(matrices: Tensor, exponent: float) -> Tensor:
    """Return symmetric positive matrices (N, 3, 3) raised to a power."""
    values, vectors = torch.linalg.eigh(matrices)
    return vectors * values.clamp(min=1e-12).pow(exponent)[:, None] @ vectors.transpose(1, 2)


def variation_loss(images: Tensor) -> Tensor:
    """Return the anisotropic total variation: mean difference of neighbours (Rudin, Osher and Fatemi, 1992)."""
    across = (images[..., :, 1:] - images[..., :, :-1]).abs().mean()
    down = (images[..., 1:, :] - images[..., :-1, :]).abs().mean()
    return (across + down).float()


def motion_grid(motions: Tensor, *, height: int, width: int) -> Tensor:
    """Return the place that each pixel of the moved picture comes from, (N, H, W, 2) as grid_sample takes it.

    Args:
        motions: (N, 4): shift right and down in pixels, turn in radians, logarithm of the zoom.
    """
    right, down, turn, zoom = motions.unbind(1)
    cosine, sine = turn.cos() * zoom.exp(), turn.sin() * zoom.exp()
    matrix = torch.stack(
        [
            torch.stack([cosine, -sine * height / width, 2 * right / width], dim=1),
            torch.stack([sine * width / height, cosine, 2 * down / height], dim=1),
        ],
        dim=1,
    )
    return functional.affine_grid(matrix, [len(motions), 1, height, width], align_corners=False)


def move(images: Tensor, grid: Tensor) -> Tensor:
    """Return images (N, C, H, W) moved; outside is their mirror image."""
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def inside(grid: Tensor) -> Tensor:
    """Return a mask (N, 1, H, W) of a grid of grid_sample: 1 where a pixel comes from inside the picture, else 0."""
    return (grid.abs() <= 1).all(dim=3)[:, None].float()


def temporal_loss(warped: Tensor, outputs: Tensor, seen: Tensor) -> Tensor:
    """Return ||F_t - warp(F_{t-1})||^2 over the pixels that both frames show.

    Args:
        warped: (N, C, H, W), the earlier outputs carried to the later frames.
        outputs: (N, C, H, W), of the later frames.
        seen: (N, 1, H, W), 1 where a pixel counts, else 0. A picture without such pixels counts as 0.

    Ruder et al., "Artistic style transfer for videos", GCPR 2016 (arXiv:1604.08610), equation 7.
    """
    squares = (warped.float() - outputs.float()).square() * seen
    # A mean for each picture first: then the mean over two processes is that over their pictures together.
    return (squares.mean(dim=(1, 2, 3)) / seen.mean(dim=(1, 2, 3)).clamp(min=1e-6)).mean()
