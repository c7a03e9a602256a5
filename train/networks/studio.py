"""The studio networks: 77,000 multiply-adds for a pixel, a sixth of the VGG-19 pair, made to begin close to it.

The encoder has VGG-19's shape at a quarter of its width up to the last layer, which gives all 512 channels of relu4_1:
its features stand for VGG-19's, so a style is the mean and deviation of VGG-19's own. The decoder mirrors it, wide
where pixels are few: 144 channels at an eighth and a quarter of the size, 64 and 32 at half, 32 at the full size. Both
are fitted to the full pair's activations before they are trained (tsn.train.fitting), which needs the same shape.

Padding repeats the outermost values, once for all convolutions of a size.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 8  # pixels: the features have an eighth of the picture's size
CHANNELS = 512  # of VGG-19's relu4_1
LEVELS = ((3, 16, 16), (16, 32, 32), (32, 64, 64, 64, 64), (64, CHANNELS))  # channels at each size, the largest first
WIDE, MIDDLE, NARROW = 144, 64, 32  # channels of the decoder
VARIANTS = 4  # of a kernel, which a style mixes
KNOWN = 96  # numbers that are drawn from a style's statistics, to mix them by

Change = tuple[Tensor, Tensor, Tensor]  # for one convolution: scales and shifts (N, outputs), shares (N, variants)


class Encoder(nn.Module):
    """Pictures to what stands for VGG-19's relu4_1. Takes RGB in 0..1."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(inputs, outputs, 3) for inputs, outputs in pairwise(level)) for level in LEVELS
        )

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 512, ceil(H/8), ceil(W/8)) of images (N, 3, H, W) in 0..1."""
        height, width = images.shape[-2:]
        features = functional.pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        for place, level in enumerate(self.levels):
            convolutions = list(cast(nn.ModuleList, level))
            if place > 0:
                features = functional.max_pool2d(features, 2)
            features = _padded(features, len(convolutions))
            for convolution in convolutions:
                features = functional.relu(convolution(features))
        return features


class Decoder(nn.Module):
    """Features (N, 512, h, w) to RGB (N, 3, 8h, 8w), not clipped to 0..1."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.entry = StyledConvolution(CHANNELS, WIDE)
        self.quarters = nn.ModuleList(
            [
                StyledDoubling(WIDE, WIDE),
                StyledConvolution(WIDE, WIDE),
                StyledConvolution(WIDE, WIDE, variants=VARIANTS),
                StyledConvolution(WIDE, MIDDLE),
            ]
        )
        self.halves = nn.ModuleList(
            [
                StyledDoubling(MIDDLE, MIDDLE, variants=VARIANTS),
                StyledConvolution(MIDDLE, NARROW, variants=VARIANTS),
            ]
        )
        self.full = StyledDoubling(NARROW, NARROW, variants=VARIANTS)
        self.exit = nn.Conv2d(NARROW, 3, 3)
        styled = self.styled
        self.conditioning = Conditioning([layer.outputs for layer in styled], [layer.mixed for layer in styled])
        with torch.no_grad():
            self.exit.weight.mul_(0.1)
            nn.init.constant_(cast(Tensor, self.exit.bias), 0.5)

    @property
    def styled(self) -> "list[Styled]":
        """The convolutions that a style changes, from the features to the picture."""
        return cast(list[Styled], [self.entry, *self.quarters, *self.halves, self.full])

    def forward(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """RGB of features whose statistics AdaIN has made mean and std, (N or 1, 512, 1, 1) each."""
        changes = iter(self.conditioning(mean, std))
        # A doubling takes one pixel away all around, counted after it, and so does a convolution.
        for layers, margin in (([self.entry], 1), (self.quarters, 2), (self.halves, 1), ([self.full], 1)):
            features = _padded(features, margin)
            for layer in layers:
                features = functional.relu(layer(features, *next(changes)))
        return self.exit(features)


class Conditioning(nn.Module):
    """From a style's statistics to what it changes in the decoder: see lite.Conditioning, which this follows."""

    def __init__(self, outputs: Sequence[int], variants: Sequence[int]) -> None:
        super().__init__()
        self.outputs, self.variants = list(outputs), list(variants)
        self.layers = nn.Sequential(nn.Linear(2 * CHANNELS, KNOWN), nn.ReLU())
        self.modulation = nn.Linear(KNOWN, 2 * sum(outputs))
        self.shares = nn.Linear(KNOWN, sum(variants))
        nn.init.zeros_(self.modulation.weight)  # at first every style leaves the features as they are
        nn.init.zeros_(self.modulation.bias)

    def forward(self, mean: Tensor, std: Tensor) -> list[Change]:
        """What changes in each convolution, of mean and std (N, 512, 1, 1)."""
        known = self.layers(torch.cat([mean, std], dim=1).flatten(1))
        scales, shifts = self.modulation(known).chunk(2, dim=1)
        parts = (
            (1 + scales).split(self.outputs, dim=1),
            shifts.split(self.outputs, dim=1),
            self.shares(known).split(self.variants, dim=1),
        )
        return list(zip(*parts, strict=True))


class Styled(nn.Module):
    """A convolution, not padded, whose outputs a style scales and shifts and to whose kernel it may add variants.

    Where there are variants, the scale goes into the kernel as well. Where there are none, the kernel is known
    beforehand, so that ONNX Runtime can pack it, and the outputs are scaled.
    """

    phases = 1  # kernels for each output

    def __init__(self, inputs: int, outputs: int, *, kernel: int, variants: int) -> None:
        super().__init__()
        self.outputs, self.mixed = outputs, variants
        weight = nn.init.kaiming_normal_(torch.empty(outputs, inputs, kernel, kernel), nonlinearity="relu")
        self.weight = nn.Parameter(weight.repeat_interleave(self.phases, dim=0))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.variants = nn.Parameter(torch.zeros(variants, self.weight.numel())) if variants else None

    def forward(self, features: Tensor, scales: Tensor, shifts: Tensor, shares: Tensor) -> Tensor:
        """Features (N, inputs, h, w) convolved as scales, shifts (N or 1, outputs) and shares (N or 1, 4) say."""
        biases = scales * self.bias + shifts
        if self.variants is None:
            found = self.arranged(functional.conv2d(features, self.balanced(self.weight)))
            return found * scales[..., None, None].to(found.dtype) + biases[..., None, None].to(found.dtype)
        kernels = self.weight + (shares @ self.variants).unflatten(1, self.weight.shape)
        kernels = kernels * scales.repeat_interleave(self.phases, dim=1)[:, :, None, None, None]
        if len(kernels) == 1:
            return self._convolved(features, kernels[0], biases[0])
        ones = zip(features.split(1), kernels, biases, strict=True)
        return torch.cat([self._convolved(*one) for one in ones])  # on a CPU several times as fast as groups

    def _convolved(self, features: Tensor, kernel: Tensor, bias: Tensor) -> Tensor:
        bias = bias.repeat_interleave(self.phases)
        return self.arranged(functional.conv2d(features, self.balanced(kernel), bias))

    def balanced(self, weight: Tensor) -> Tensor:
        """Return the kernel that is used in place of `weight`."""
        return weight

    def arranged(self, outputs: Tensor) -> Tensor:
        """Return what the convolution gave, in the places where it belongs."""
        return outputs


class StyledConvolution(Styled):
    """Takes (N, inputs, h, w), gives (N, outputs, h - 2, w - 2)."""

    def __init__(self, inputs: int, outputs: int, *, variants: int = 0) -> None:
        super().__init__(inputs, outputs, kernel=3, variants=variants)


class StyledDoubling(Styled):
    """A sub-pixel convolution, as lite.Doubling: (N, inputs, h, w) to (N, outputs, 2h - 2, 2w - 2).

    It gives the four pixels around each corner of four. The phases share the sum of their weights for each input
    channel, so flat features give a flat picture; nearest upsampling and a 3x3 convolution is a special case.
    """

    phases = 4

    def __init__(self, inputs: int, outputs: int, *, variants: int = 0) -> None:
        super().__init__(inputs, outputs, kernel=2, variants=variants)

    def balanced(self, weight: Tensor) -> Tensor:
        """Return the kernel with equal sums over its phases."""
        phases = weight.unflatten(0, (-1, self.phases))  # (outputs, 4, inputs, 2, 2)
        sums = phases.mean(dim=(3, 4), keepdim=True)
        return (phases - sums + sums.mean(dim=1, keepdim=True)).flatten(0, 1)

    def arranged(self, outputs: Tensor) -> Tensor:
        """Return the phases as pixels."""
        return functional.pixel_shuffle(outputs, 2)


def _padded(features: Tensor, margin: int) -> Tensor:
    return functional.pad(features, (margin,) * 4, mode="replicate")
