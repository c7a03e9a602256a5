"""The lightweight AdaIN networks, made for a CPU: 10,912 multiply-adds for a pixel, a 44th of the VGG-19 pair.

The work happens at an eighth of the picture's size. The first convolution is a pixel-unshuffle by two and a 3x3
convolution written as one 6x6 convolution of stride two. The way back up is made so that flat features give a flat
picture, whatever was learnt: twice nearest upsampling before a convolution (Odena et al., "Deconvolution and
Checkerboard Artifacts", Distill 2016), then one sub-pixel convolution whose four phases have equal sums. Free
sub-pixel convolutions were tried and learnt a grid of 8x8 pixels in place of the style's texture.
No connection passes by AdaIN: all the decoder knows of the style is its statistics.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 8  # pixels: the encoder's features have an eighth of the picture's size
CHANNELS = 128  # of the features: a linear view of 64, whose 128 deviations hold much of the 64 channels' covariance


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
            _convolution(32, 64, stride=2),
            nn.ReLU(),
            *(Residual(64) for _ in range(3)),
            _started(nn.Conv2d(64, CHANNELS, 1)),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, 128, ceil(H/8), ceil(W/8)) of images (N, 3, H, W) in 0..1; sides of at least 9 pixels.

        Sides that 8 does not divide are padded on the right and at the bottom with the picture's own mirror image.
        """
        height, width = images.shape[-2:]
        padded = functional.pad(images, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="reflect")
        return self.layers(padded)


class Decoder(nn.Module):
    """Features (N, 128, h, w) to RGB (N, 3, 8h, 8w), not clipped to 0..1."""

    channels = CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _started(nn.Conv2d(CHANNELS, 64, 1)),
            nn.ReLU(),
            *(Residual(64) for _ in range(3)),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolution(64, 32),
            nn.ReLU(),
            nn.Upsample(scale_factor=2, mode="nearest"),
            _convolution(32, 16),
            nn.ReLU(),
            Doubling(16, 3),
        )

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features)


class Residual(nn.Module):
    """Two 3x3 convolutions whose result is added to their input; without normalisation, which would undo AdaIN."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _started(_convolution(channels, channels), gain=0.5)

    def forward(self, features: Tensor) -> Tensor:
        return features + self.second(functional.relu(self.first(features)))


class Doubling(nn.Module):
    """A sub-pixel convolution (Shi et al., arXiv:1609.05158) that turns flat features into a flat picture.

    Its four phases, the pixels of each 2x2 block, share their bias and, for each input channel, the sum of their
    weights. That is arithmetic on weights alone: an exported network holds its result.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # They start equal (ICNR, Aitken et al., arXiv:1707.02937), small, and around mid-grey.
        weight = nn.init.kaiming_normal_(torch.empty(outputs, inputs, 3, 3), nonlinearity="relu") * 0.1
        self.weight = nn.Parameter(weight.repeat_interleave(4, dim=0))
        self.bias = nn.Parameter(torch.full((outputs,), 0.5))

    def forward(self, features: Tensor) -> Tensor:
        phases = self.weight.unflatten(0, (-1, 4))  # (outputs, 4, inputs, 3, 3)
        sums = phases.mean(dim=(3, 4), keepdim=True)
        weight = (phases - sums + sums.mean(dim=1, keepdim=True)).flatten(0, 1)
        padded = functional.pad(features, (1, 1, 1, 1), mode="reflect")
        return functional.pixel_shuffle(functional.conv2d(padded, weight, self.bias.repeat_interleave(4)), 2)


def _convolution(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    return _started(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect"))


def _started(convolution: nn.Conv2d, *, gain: float = 1.0) -> nn.Conv2d:
    """The convolution with weights that keep the variance (He et al., arXiv:1502.01852): torch's own shrink it."""
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    with torch.no_grad():
        convolution.weight.mul_(gain)
    nn.init.constant_(cast(Tensor, convolution.bias), 0.0)
    return convolution
