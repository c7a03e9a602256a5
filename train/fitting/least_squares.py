"""A narrow convolution fitted to a wide one by least squares, without a gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

RIDGE = 1e-5  # of the mean square of the patches' values: what collinear channels are damped by
LARGEST_GAIN = 1.6  # of kept_spread: beyond it a badly explained channel would be mostly noise
SAMPLES = 60_000  # values of a channel that its covariance is taken from
PLACES = 700  # of a crop that a convolution is fitted on


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A convolution: the kernel (O, I, 3, 3) and the bias (O,)."""

    kernel: Tensor
    bias: Tensor


def chosen_channels(activations: Tensor, following: Tensor, *, count: int, random: torch.Generator) -> list[int]:
    """Return the `count` channels of activations (N, C, h, w) that explain most of them all.

    Chosen greedily, each the one with most variance that those before leave unexplained (a pivoted Cholesky
    decomposition of the covariance), each channel weighted by the norm of the kernels (O, C, 3, 3) that follow.
    """
    values = activations.permute(0, 2, 3, 1).flatten(0, 2)
    values = values[torch.randperm(len(values), generator=random)[:SAMPLES]]
    values = (values - values.mean(dim=0)) * following.square().sum(dim=(0, 2, 3)).sqrt()
    rest = (values.T @ values / len(values)).double()
    chosen: list[int] = []
    for _ in range(count):
        variances = rest.diag().clone()
        variances[chosen] = -1
        best = int(variances.argmax())
        chosen.append(best)
        rest = rest - torch.outer(rest[:, best], rest[best]) / rest[best, best].clamp(min=1e-12)
    return chosen


class Regression:
    """The normal equations of a 3x3 convolution from patches to targets."""

    def __init__(self, *, random: torch.Generator) -> None:
        self.random = random
        self.count = 0
        self.products: Tensor | float = 0.0  # (9 I + 1, 9 I + 1), of patches with themselves
        self.mixed: Tensor | float = 0.0  # (9 I + 1, O), of patches with targets
        self.squares: Tensor | float = 0.0  # (O,), of targets

    def add(self, features: Tensor, targets: Tensor, *, border: int) -> None:
        """Add pairs of patches and targets.

        Args:
            features: (N, I, h, w), at least two pixels larger than the targets, which lie in its middle.
            targets: (N, O, h', w')
            border: pixels of the targets, all around, that are left out: there the two were padded unalike.
        """
        patches = functional.unfold(features, 3).unflatten(2, (features.shape[2] - 2, -1))
        margin = (patches.shape[2] - targets.shape[2]) // 2 + border
        patches = patches[:, :, margin : patches.shape[2] - margin, margin : patches.shape[3] - margin].flatten(2)
        targets = targets[:, :, border : targets.shape[2] - border, border : targets.shape[3] - border].flatten(2)
        places = torch.randperm(patches.shape[2], generator=self.random)[:PLACES]
        rows = patches[:, :, places].permute(0, 2, 1).flatten(0, 1).double()
        rows = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
        wanted = targets[:, :, places].permute(0, 2, 1).flatten(0, 1).double()
        self.count += len(rows)
        self.products = self.products + rows.T @ rows
        self.mixed = self.mixed + rows.T @ wanted
        self.squares = self.squares + wanted.square().sum(dim=0)

    def fit(self, *, keep_spread: bool) -> Fit:
        """Return the convolution of least squares.

        What patches cannot explain makes its outputs vary less than the targets. With keep_spread they are stretched
        about their mean until they vary as much, at most LARGEST_GAIN times.
        """
        products, mixed = torch.as_tensor(self.products), torch.as_tensor(self.mixed)
        ridge = RIDGE * products.diag().mean() * torch.eye(len(products), dtype=products.dtype)
        solution = torch.linalg.solve(products + ridge, mixed)
        if keep_spread:
            mean = mixed[-1] / self.count
            wanted = torch.as_tensor(self.squares) / self.count - mean.square()
            found = ((products @ solution) * solution).sum(dim=0) / self.count
            found = found - ((products[-1] @ solution) / self.count).square()
            gain = (wanted / found.clamp(min=1e-12)).clamp(min=1).sqrt().clamp(max=LARGEST_GAIN)
            solution = solution * gain
            solution[-1] += mean * (1 - gain)
        kernel = solution[:-1].T.unflatten(1, (-1, 3, 3))
        return Fit(kernel=kernel.float().contiguous(), bias=solution[-1].float())


def as_doubling(kernel: Tensor) -> Tensor:
    """Return a 3x3 kernel (O, I, 3, 3) behind nearest upsampling as four phases (4 O, I, 2, 2): studio.StyledDoubling.

    Of the three rows or columns that a pixel sees, two are the same value before upsampling: their weights add up.
    """
    sums = torch.tensor([[[1.0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]])  # (phase, of the 2, of the 3)
    return torch.einsum("aik,ockl,bjl->oabcij", sums, kernel, sums).flatten(0, 2)


def explained(found: Tensor, wanted: Tensor) -> float:
    """Return the share of the variance of `wanted` (N, C, h, w), over all channels, that `found` explains."""
    centred = wanted - wanted.mean(dim=(0, 2, 3), keepdim=True)
    return 1 - float((found - wanted).square().sum() / centred.square().sum())


def in_parts(module: nn.Module, images: Tensor, *, size: int = 8) -> Tensor:
    """Return what the module makes of images, a few at a time."""
    return torch.cat([module(part) for part in images.split(size)])
