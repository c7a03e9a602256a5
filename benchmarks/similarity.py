"""Structural similarity: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity",
IEEE Transactions on Image Processing 13 (2004)."""

import torch
from torch import Tensor
from torch.nn import functional as F

WINDOW, DEVIATION = 11, 1.5  # pixels: the Gaussian window of the paper
C1, C2 = 0.01**2, 0.03**2  # the paper's constants, for values in 0..1


def ssim(one: Tensor, other: Tensor) -> float:
    """The mean structural similarity of images (N, C, H, W) in 0..1, at least 11 pixels a side; 1 where they agree."""
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
