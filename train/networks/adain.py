"""The AdaIN networks: encoder, adaptive instance normalisation, decoder.

Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", ICCV 2017
(arXiv:1703.06868), with the layer shapes of its PyTorch port, so that its published weights load.
"""

from typing import cast

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # added to the variance, as in the paper's code
RELU_CHANNELS = (64, 128, 256, 512)  # of relu1_1, relu2_1, relu3_1 and relu4_1


class Encoder(nn.Module):
    """VGG-19 from the picture to relu4_1, with reflection padding, ceil-mode pooling and a 1x1 input convolution.

    The 1x1 convolution holds the input's normalisation. Takes RGB in 0..1.
    """

    channels = RELU_CHANNELS[-1]

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(3, 3, 1), *_convolution(3, 64)),
                nn.Sequential(*_convolution(64, 64), _pool(), *_convolution(64, 128)),
                nn.Sequential(*_convolution(128, 128), _pool(), *_convolution(128, 256)),
                nn.Sequential(
                    *(layer for _ in range(3) for layer in _convolution(256, 256)), _pool(), *_convolution(256, 512)
                ),
            ]
        )

    def features(self, images: Tensor) -> list[Tensor]:
        """Return relu1_1, relu2_1, relu3_1 and relu4_1 of images (N, 3, H, W) in 0..1."""
        activations: list[Tensor] = []
        for stage in self.stages:
            images = stage(images)
            activations.append(images)
        return activations

    def forward(self, images: Tensor) -> Tensor:
        """Return relu4_1 (N, 512, ceil(H/8), ceil(W/8)) of images (N, 3, H, W) in 0..1; sides of at least 9 pixels."""
        return self.features(images)[-1]


class Decoder(nn.Module):
    """The encoder mirrored, with nearest upsampling in place of pooling.

    Takes relu4_1 features (N, 512, h, w), gives RGB (N, 3, 8h, 8w), not clipped to 0..1. Begins near grey, with He's
    initial weights (arXiv:1502.01852): with torch's the signal dies on its way, and hundreds of steps give flat colour.
    """

    channels = RELU_CHANNELS[-1]

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_convolution(512, 256),
            _upsample(),
            *(layer for _ in range(3) for layer in _convolution(256, 256)),
            *_convolution(256, 128),
            _upsample(),
            *_convolution(128, 128),
            *_convolution(128, 64),
            _upsample(),
            *_convolution(64, 64),
            nn.Conv2d(64, 3, 3, padding=1, padding_mode="reflect"),
        )
        last = self.layers[-1]
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.constant_(cast(Tensor, layer.bias), 0.5 if layer is last else 0.0)
        with torch.no_grad():
            cast(Tensor, last.weight).mul_(0.1)

    def forward(self, features: Tensor, mean: Tensor | None = None, std: Tensor | None = None) -> Tensor:
        """Return RGB of the features. Other decoders use the statistics too; this one leaves them aside."""
        return self.layers(features)


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel, (N, C, 1, 1), in float32.

    The variance is the unbiased one plus EPSILON, as in the paper's code.
    """
    features = features.float()
    variance = features.var(dim=(2, 3), keepdim=True) + EPSILON
    return features.mean(dim=(2, 3), keepdim=True), variance.sqrt()


def adain(content: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Shift and scale each channel of features (N, C, h, w) to the given mean and std (N or 1, C, 1, 1).

    Equation 8 of the paper. The statistics are taken in float32, the result has the type of `content`.
    """
    return restated(content, statistics(content), (mean, std))


def restated(content: Tensor, own: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> Tensor:
    """Shift and scale features (N, C, h, w) of the statistics `own` to `wanted`: AdaIN where both are known."""
    normalised = (content.float() - own[0]) / own[1]
    return (normalised * wanted[1] + wanted[0]).to(content.dtype)


def _convolution(inputs: int, outputs: int) -> tuple[nn.Conv2d, nn.ReLU]:
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"), nn.ReLU()


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(2, ceil_mode=True)


def _upsample() -> nn.Upsample:
    return nn.Upsample(scale_factor=2, mode="nearest")
