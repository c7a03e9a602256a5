"""How sharp a picture is, in two measures: one counts the finest grain, the other only what is wider than a pixel."""

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
GAUSSIAN_RADIUS = 3  # pixels: three standard deviations


def laplacian_variance(images: Tensor) -> float:
    """The variance of the Laplacian of the luma of images (N, 3, H, W) in 0..1, mean over the images."""
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]]).view(1, 1, 3, 3)
    return float(F.conv2d(_luma(images), kernel).flatten(1).var(dim=1).mean())


def gradient_magnitude(images: Tensor) -> float:
    """The mean length of the gradient of the luma of images (N, 3, H, W) in 0..1, behind a Gaussian of 1 pixel."""
    smooth = _gaussian(_luma(images))
    across = smooth[..., 1:, 1:] - smooth[..., 1:, :-1]
    down = smooth[..., 1:, 1:] - smooth[..., :-1, 1:]
    return float((across.square() + down.square()).sqrt().mean())


def _luma(images: Tensor) -> Tensor:
    return (images * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)


def _gaussian(images: Tensor) -> Tensor:
    weights = torch.exp(-torch.arange(-GAUSSIAN_RADIUS, GAUSSIAN_RADIUS + 1).float().square() / 2)
    weights = weights / weights.sum()
    padded = F.pad(images, (GAUSSIAN_RADIUS,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))
