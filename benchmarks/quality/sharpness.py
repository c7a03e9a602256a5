"""How sharp a picture is, with the finest grain counted and without; and how similar two are in structure (SSIM)."""

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
WINDOW, DEVIATION = 11, 1.5  # pixels: the Gaussian window of SSIM
C1, C2 = 0.01**2, 0.03**2  # the constants of SSIM, for values in 0..1
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


def ssim(one: Tensor, other: Tensor) -> float:
    """Return the mean structural similarity of images (N, C, H, W) in 0..1, at least 11 pixels a side; 1 where equal.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Transactions on Image
    Processing 13 (2004).
    """
    weights = torch.exp(-(torch.arange(WINDOW) - WINDOW // 2).float().square() / (2 * DEVIATION**2))
    weights = weights / weights.sum()

    def local_mean(images: Tensor) -> Tensor:
        planes = images.flatten(0, 1).unsqueeze(1)
        return F.conv2d(F.conv2d(planes, weights.view(1, 1, 1, -1)), weights.view(1, 1, -1, 1))

    mean, other_mean = local_mean(one), local_mean(other)
    variance = local_mean(one.square()) - mean.square()
    other_variance = local_mean(other.square()) - other_mean.square()
    covariance = local_mean(one * other) - mean * other_mean
    similar = (2 * mean * other_mean + C1) * (2 * covariance + C2)
    return float((similar / ((mean.square() + other_mean.square() + C1) * (variance + other_variance + C2))).mean())
