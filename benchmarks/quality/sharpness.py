"""Sharpness of a picture, with its finest grain and without, and the structural similarity (SSIM) of two."""

import torch
from torch import Tensor
from torch.nn import functional as F

from tsn.export.networks.graphs import luma

SSIM_RADIUS, SSIM_DEVIATION = 5, 1.5  # pixels: the Gaussian window of SSIM, 11 pixels wide
C1, C2 = 0.01**2, 0.03**2  # the constants of SSIM, for values in 0..1
GRAIN_RADIUS, GRAIN_DEVIATION = 3, 1.0  # pixels: the Gaussian that takes the finest grain away


def laplacian_variance(images: Tensor) -> float:
    """Return the variance of the Laplacian of the luma of images (N, 3, H, W) in 0..1, mean over the images."""
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    return float(F.conv2d(luma(images), kernel).flatten(1).var(dim=1).mean())


def gradient_magnitude(images: Tensor) -> float:
    """Return the mean length of the gradient of the luma of images (N, 3, H, W) in 0..1, behind a Gaussian."""
    padded = F.pad(luma(images), (GRAIN_RADIUS,) * 4, mode="replicate")
    smooth = _gaussian(padded, radius=GRAIN_RADIUS, deviation=GRAIN_DEVIATION)
    across = smooth[..., 1:, 1:] - smooth[..., 1:, :-1]
    down = smooth[..., 1:, 1:] - smooth[..., :-1, 1:]
    return float((across.square() + down.square()).sqrt().mean())


def ssim(one: Tensor, other: Tensor) -> float:
    """Return the mean structural similarity of images (N, C, H, W) in 0..1, at least 11 pixels a side; 1 where equal.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Transactions on Image
    Processing 13 (2004).
    """

    def local_mean(images: Tensor) -> Tensor:
        return _gaussian(images.flatten(0, 1).unsqueeze(1), radius=SSIM_RADIUS, deviation=SSIM_DEVIATION)

    mean, other_mean = local_mean(one), local_mean(other)
    variance = local_mean(one.square()) - mean.square()
    other_variance = local_mean(other.square()) - other_mean.square()
    covariance = local_mean(one * other) - mean * other_mean
    similar = (2 * mean * other_mean + C1) * (2 * covariance + C2)
    return float((similar / ((mean.square() + other_mean.square() + C1) * (variance + other_variance + C2))).mean())


def _gaussian(images: Tensor, *, radius: int, deviation: float) -> Tensor:
    """Images (N, 1, H, W) behind a Gaussian, `radius` smaller on each side."""
    weights = torch.exp(-torch.arange(-radius, radius + 1).float().square() / (2 * deviation**2))
    weights = weights / weights.sum()
    return F.conv2d(F.conv2d(images, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
