"""The lightweight AdaIN networks, made for a CPU: 11,263 multiply-adds for a pixel at 480p, a 43rd of the VGG-19 pair.

The work happens at a quarter of the picture's size, as in Johnson et al. (arXiv:1603.08155), with 32 channels. The
first convolution is a pixel-unshuffle by two and a 3x3 convolution written as one 6x6 convolution of stride two. The
way back up is made so that flat features give a flat picture, whatever was learnt: two sub-pixel convolutions whose
four phases have equal sums. No connection passes by AdaIN: all the decoder knows of the style is its statistics.

Tried before, with as much computing: 64 channels at an eighth of the size. Trained as long as this one they drew
blocks or a grid of 8x8 pixels in place of the style's texture.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 4  # pixels: the encoder's features have a quarter of the picture's size
WIDTH = 32  # channels that the work happens in
BLOCKS = 5  # of the decoder
VARIANTS = 8  # of a kernel, which a style mixes
KNOWN = 128  # numbers that are drawn from a style's statistics, to mix them by
CHANNELS = 64  # of the features: a linear view of 32, whose 64 deviations hold much of the 32 channels' covariance


class Encoder(nn.Module):
    """Pictures to features, normalised to nothing in particular: AdaIN does that. Takes RGB in 0..1."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _started(nn.Conv2d(3, 16, 6, stride=2, padding=2, padding_mode="reflect")),
            nn.ReLU(),
            _convolution(16, 32, stride=2),
            nn.ReLU(),
            *(Residual(32) for _ in range(3)),
            _started(nn.Conv2d(32, CHANNELS, 1)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return features (N, 64, ceil(H/4), ceil(W/4)) of images (N, 3, H, W) in 0..1; sides of at least 9 pixels.

        Sides that 4 does not divide are padded on the right and at the bottom with the picture's own mirror image.
        """
        height, width = images.shape[-2:]
        padded = functional.pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="reflect")
        return self.layers(padded)


class Decoder(nn.Module):
    """Features (N, 64, h, w) to RGB (N, 3, 4h, 4w), not clipped to 0..1."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.entry = nn.Sequential(_started(nn.Conv2d(CHANNELS, WIDTH, 1)), nn.ReLU())
        self.blocks = nn.ModuleList(StyledResidual(WIDTH) for _ in range(BLOCKS))
        self.conditioning = Conditioning(blocks=BLOCKS)
        self.exit = nn.Sequential(
            nn.ReflectionPad2d(1),  # once for both: each Doubling takes half of it away
            Doubling(WIDTH, 16, kernel=2),
            nn.ReLU(),
            Doubling(16, 3, kernel=3, gain=0.1, bias=0.5),
        )

    def forward(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        """Return RGB of features that AdaIN has given the statistics mean and std, (N or 1, 64, 1, 1) each."""
        scales, shifts, shares = self.conditioning(mean, std)
        features = self.entry(features)
        for place, block in enumerate(self.blocks):
            features = block(scales[place] * features + shifts[place], shares[place])
        return self.exit(scales[-1] * features + shifts[-1])


class Conditioning(nn.Module):
    """Turns a style's statistics into scales, shifts and kernels of the decoder.

    So one decoder draws with other strokes for another style: a conditional normalisation (Ghiasi et al.,
    arXiv:1705.06830, predict it from the style's picture; here from its statistics) and conditional kernels (Yang et
    al., "CondConv", arXiv:1904.04971). They are computed once for a picture: they cost no multiply-adds for a pixel.
    """

    def __init__(self, *, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2 * CHANNELS, KNOWN), nn.ReLU())
        self.modulation = nn.Linear(KNOWN, (blocks + 1) * 2 * WIDTH)
        self.shares = nn.Linear(KNOWN, blocks * 2 * VARIANTS)
        nn.init.zeros_(self.modulation.weight)  # at first every style leaves the features as they are
        nn.init.zeros_(self.modulation.bias)

    def forward(self, mean: Tensor, std: Tensor) -> tuple[Sequence[Tensor], Sequence[Tensor], Sequence[Tensor]]:
        """Return scales and shifts (N, 32, 1, 1) for the blocks and the exit, shares (N, 2, 8) of a block's variants.

        Args:
            mean, std: (N, 64, 1, 1)
        """
        known = self.layers(torch.cat([mean, std], dim=1).flatten(1))
        scales, shifts = self.modulation(known).unflatten(1, (-1, 2, WIDTH, 1, 1)).unbind(2)
        return (1 + scales).unbind(1), shifts.unbind(1), self.shares(known).unflatten(1, (-1, 2, VARIANTS)).unbind(1)


class Residual(nn.Module):
    """Two 3x3 convolutions whose result is added to their input; without normalisation, which would undo AdaIN.

    The input is padded once for both: on a CPU a padding costs ONNX Runtime a quarter of a convolution's time.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _started(nn.Conv2d(channels, channels, 3))
        self.second = _started(nn.Conv2d(channels, channels, 3), gain=0.5)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, (2, 2, 2, 2), mode="reflect")
        return features + self.second(functional.relu(self.first(padded)))


class StyledResidual(nn.Module):
    """A Residual with other kernels for another style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = StyledConvolution(channels)
        self.second = StyledConvolution(channels, gain=0.5)

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """Return features (N, C, h, w), with shares (N, 2, 8) of the two convolutions' variants."""
        padded = functional.pad(features, (2, 2, 2, 2), mode="reflect")
        return features + self.second(functional.relu(self.first(padded, shares[:, 0])), shares[:, 1])


class StyledConvolution(nn.Module):
    """A 3x3 convolution, not padded, whose kernel is its own and a weighted mean of eight variants."""

    def __init__(self, channels: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.own = _started(nn.Conv2d(channels, channels, 3), gain=gain)
        self.variants = nn.Parameter(torch.zeros(VARIANTS, self.own.weight.numel()))

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """Return features (N, C, h - 2, w - 2) of features (N, C, h, w), with shares (N or 1, 8) of the variants."""
        kernels = self.own.weight + (shares @ self.variants / VARIANTS).unflatten(1, self.own.weight.shape)
        return _convolved(features, kernels, cast(Tensor, self.own.bias))


class Doubling(nn.Module):
    """A sub-pixel convolution (Shi et al., arXiv:1609.05158) that turns flat features into a flat picture.

    Takes (N, inputs, h, w) without padding it: of a 2x2 kernel (N, outputs, 2h - 2, 2w - 2) comes out, the four pixels
    around each corner of four; of a 3x3 kernel (N, outputs, 2h - 4, 2w - 4). The four phases, the pixels of each 2x2
    block, share their bias and, for each input channel, the sum of their weights. That is arithmetic on weights alone:
    an exported network holds its result.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, gain: float = 1.0, bias: float = 0.0) -> None:
        super().__init__()
        # The phases start equal (ICNR, Aitken et al., arXiv:1707.02937).
        weight = nn.init.kaiming_normal_(torch.empty(outputs, inputs, kernel, kernel), nonlinearity="relu") * gain
        self.weight = nn.Parameter(weight.repeat_interleave(4, dim=0))
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def forward(self, features: Tensor) -> Tensor:
        phases = self.weight.unflatten(0, (-1, 4))  # (outputs, 4, inputs, kernel, kernel)
        sums = phases.mean(dim=(3, 4), keepdim=True)
        weight = (phases - sums + sums.mean(dim=1, keepdim=True)).flatten(0, 1)
        return functional.pixel_shuffle(functional.conv2d(features, weight, self.bias.repeat_interleave(4)), 2)


def _convolved(features: Tensor, kernels: Tensor, bias: Tensor) -> Tensor:
    """Convolve features (N, C, h, w), each of the N with its own kernel of (N or 1, O, C, k, k)."""
    if len(kernels) == 1:
        return functional.conv2d(features, kernels[0], bias)
    together = functional.conv2d(features.flatten(0, 1)[None], kernels.flatten(0, 1), groups=len(kernels))
    return together[0].unflatten(0, (len(kernels), -1)) + bias.view(-1, 1, 1)


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return _started(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect"))


def _started(convolution: nn.Conv2d, *, gain: float = 1.0) -> nn.Conv2d:
    """Give a convolution weights that keep the variance (He et al., arXiv:1502.01852): torch's own shrink it."""
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    with torch.no_grad():
        convolution.weight.mul_(gain)
    nn.init.constant_(cast(Tensor, convolution.bias), 0.0)
    return convolution
