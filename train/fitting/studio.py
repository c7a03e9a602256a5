"""The studio networks begun close to the full pair: their convolutions fitted, layer by layer, to its activations."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsn.train.fitting.least_squares import Fit, Regression, as_doubling, chosen_channels, explained, in_parts
from tsn.train.networks import adain, studio

Say = Callable[[str], None]
PART = 8  # crops at a time


@dataclass(frozen=True, kw_only=True)
class Wide:
    """A convolution of the full pair."""

    kernel: Tensor
    bias: Tensor


@torch.no_grad()
def fit_encoder(encoder: studio.Encoder, vgg: adain.Encoder, crops: Tensor, *, say: Say, seed: int = 0) -> None:
    """Fit the encoder to VGG-19's activations for crops (N, 3, S, S) in 0..1.

    Each layer stands for some of VGG-19's channels, the last for all 512. It is fitted on what the layers before it
    give, not on VGG-19's own, so it makes up for part of their errors.
    """
    random = torch.Generator().manual_seed(seed)
    wide = list(_vgg_convolutions(vgg))
    found = wanted = crops
    place = 0
    for level, convolutions in enumerate(encoder.levels):
        if level > 0:
            found, wanted = functional.max_pool2d(found, 2), functional.max_pool2d(wanted, 2)
        own = cast(list[nn.Conv2d], list(cast(nn.ModuleList, convolutions)))
        found = functional.pad(found, (len(own),) * 4, mode="replicate")
        for convolution in own:
            targets = _convolved(wanted, wide[place])
            wanted = functional.relu(targets)
            channels = list(range(convolution.out_channels))
            if place + 1 < len(wide):
                following = wide[place + 1].kernel
                channels = chosen_channels(wanted, following, count=len(channels), random=random)
            regression = Regression(random=random)
            for part, target in zip(found.split(PART), targets[:, channels].split(PART), strict=True):
                regression.add(part, target, border=1)
            fit = regression.fit(keep_spread=False)
            convolution.weight.copy_(fit.kernel)
            _bias(convolution).copy_(fit.bias)
            found = functional.relu(in_parts(convolution, found))
            say(f"encoder, layer {place + 1}: {explained(_middle(found, wanted), wanted[:, channels]):.3f} explained")
            place += 1


@torch.no_grad()
def fit_decoder(
    decoder: studio.Decoder, full: adain.Decoder, found: Tensor, wanted: Tensor, *, say: Say, seed: int = 0
) -> None:
    """Fit the decoder to the full one's activations.

    Args:
        found, wanted: relu4_1 after AdaIN, (N, 512, h, w): the studio encoder's and VGG-19's of the same crops and
            styles.
    """
    random = torch.Generator().manual_seed(seed)
    wide = [Wide(kernel=layer.weight, bias=_bias(layer)) for layer in full.layers if isinstance(layer, nn.Conv2d)]
    layers = [*decoder.styled, decoder.exit]
    margins = {0: 1, 1: 2, 5: 1, 7: 1}  # pixels that are padded before a layer: see studio.Decoder.forward
    for place, layer in enumerate(layers):
        doubling, last = isinstance(layer, studio.StyledDoubling), place + 1 == len(layers)
        found = functional.pad(found, (margins.get(place, 0),) * 4, mode="replicate")
        if doubling:
            wanted = _doubled(wanted)
        targets = torch.cat([_convolved(part, wide[place]) for part in wanted.split(PART)])
        channels = [0, 1, 2]
        if not last:
            wanted, following = functional.relu(targets), wide[place + 1].kernel
            outputs = cast(studio.Styled, layer).outputs
            channels = chosen_channels(wanted, following, count=outputs, random=random)
        regression = Regression(random=random)
        for part, target in zip(found.split(PART), targets[:, channels].split(PART), strict=True):
            regression.add(_doubled(part) if doubling else part, target, border=2)
        fit = regression.fit(keep_spread=True)
        _set(layer, fit)
        if isinstance(layer, studio.Styled):
            found = torch.cat([functional.relu(_unstyled(layer, part)) for part in found.split(PART)])
            explains = explained(_middle(found, wanted), wanted[:, channels])
            say(f"decoder, layer {place + 1}: {explains:.3f} explained")


def _vgg_convolutions(vgg: adain.Encoder) -> Iterator[Wide]:
    """Yield VGG-19's 3x3 convolutions; the first holds the 1x1 before it, which normalises the input."""
    layers = [layer for stage in vgg.stages for layer in cast(nn.Sequential, stage) if isinstance(layer, nn.Conv2d)]
    normalising, first, *others = layers
    kernel = torch.einsum("oikl,ij->ojkl", first.weight, normalising.weight[:, :, 0, 0])
    yield Wide(kernel=kernel, bias=_bias(first) + first.weight.sum(dim=(2, 3)) @ _bias(normalising))
    for layer in others:
        yield Wide(kernel=layer.weight, bias=_bias(layer))


def _convolved(features: Tensor, wide: Wide) -> Tensor:
    return functional.conv2d(functional.pad(features, (1, 1, 1, 1), mode="reflect"), wide.kernel, wide.bias)


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="nearest")


def _middle(features: Tensor, like: Tensor) -> Tensor:
    """Return the middle of features (N, C, h, w) that are as much too large on all sides."""
    margin = (features.shape[2] - like.shape[2]) // 2
    return features[:, :, margin : features.shape[2] - margin, margin : features.shape[3] - margin]


def _unstyled(layer: studio.Styled, features: Tensor) -> Tensor:
    """Return what the layer gives where no style changes it."""
    plain = features.new_zeros(1, layer.outputs)
    return layer(features, plain + 1, plain, features.new_zeros(1, layer.mixed))


def _set(layer: nn.Module, fit: Fit) -> None:
    kernel = as_doubling(fit.kernel) if isinstance(layer, studio.StyledDoubling) else fit.kernel
    cast(Tensor, layer.weight).copy_(kernel)
    cast(Tensor, layer.bias).copy_(fit.bias)


def _bias(convolution: nn.Conv2d) -> Tensor:
    return cast(Tensor, convolution.bias)
