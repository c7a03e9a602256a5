"""The architectures that checkpoints and bundles name: one table."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from tsn.train.networks import lite, studio
from tsn.train.networks.adain import Decoder, Encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Architecture:
    """An encoder and the decoder that mirrors it.

    Both are built without arguments. The encoder takes RGB (N, 3, H, W) in 0..1 and gives features (N, channels, h, w);
    the decoder takes such features and their mean and std, (N or 1, channels, 1, 1), and gives RGB (N, 3, at least H,
    at least W), aligned at the top left.
    """

    name: str
    encoder: type[nn.Module]
    decoder: type[nn.Module]
    channels: int  # of the features, hence the length of a style's mean and std
    minimum_side: int  # pixels: below it reflection padding has nothing to reflect
    like_vgg: bool = False  # the features are VGG-19's relu4_1 or stand for it, so its statistics describe a style


ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture(
            name="adain-vgg19",
            encoder=Encoder,
            decoder=Decoder,
            channels=Encoder.channels,
            minimum_side=9,
            like_vgg=True,
        ),
        Architecture(name="lite", encoder=lite.Encoder, decoder=lite.Decoder, channels=lite.CHANNELS, minimum_side=9),
        Architecture(
            name="studio",
            encoder=studio.Encoder,
            decoder=studio.Decoder,
            channels=studio.CHANNELS,
            minimum_side=9,
            like_vgg=True,
        ),
    )
}
