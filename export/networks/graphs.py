"""The networks as exported: frames in and out as uint8, all arithmetic between inside the graph.

ONNX lets no node but Cast touch uint8 on every backend, so Cast comes first on the way in and last on the way out.
"""

import torch
from torch import Tensor, nn

from tsn.train.networks.adain import restated, statistics

# ITU-R BT.601: how much red, green and blue add to the luma.
LUMA = (0.299, 0.587, 0.114)

# And to Cr and Cb, 0.713 (red - luma) and 0.564 (blue - luma): the constants of OpenCV.
CHROMA = ((0.499813, -0.418531, -0.081282), (-0.168636, -0.331068, 0.499704))


class StyleGraph(nn.Module):
    """A picture's style, as the statistics of its features.

    image uint8 (1, H, W, 3) RGB -> mean, std float32 (C,)
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = statistics(self.encoder(planes(image)))
        return mean.flatten(), std.flatten()


class StylizeGraph(nn.Module):
    """A frame in a style.

    frame uint8 (1, H, W, 3) RGB; mean, std float32 (C,); strength, preserve_color float32 (1,) in 0..1
    -> styled float32 (1, 3, H, W) RGB in 0..1, stylized uint8 (1, H, W, 3).

    At strength s the decoder sees s * adain + (1 - s) * content, section 6.4 of arXiv:1703.06868: AdaIN with statistics
    that are mixed so. At preserve_color p the share p of the chroma is that of the frame; the luma is always the styled
    one.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(
        self, frame: Tensor, mean: Tensor, std: Tensor, strength: Tensor, preserve_color: Tensor
    ) -> tuple[Tensor, Tensor]:
        content = planes(frame)
        height, width = frame.shape[1], frame.shape[2]
        features = self.encoder(content)
        own_mean, own_std = statistics(features)
        mean = own_mean + strength * (mean.view(1, -1, 1, 1) - own_mean)
        std = own_std + strength * (std.view(1, -1, 1, 1) - own_std)
        features = restated(features, (own_mean, own_std), (mean, std))
        styled = self.decoder(features, mean, std)[:, :, :height, :width]
        difference = content - styled
        chroma = difference - luma(difference)  # the content's less the styled one's: luma is linear
        styled = (styled + preserve_color * chroma).clamp(0, 1)
        return styled, frames(styled)


def planes(frames: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) in 0..255 as float32 (N, 3, H, W) in 0..1."""
    return frames.float().permute(0, 3, 1, 2) / 255


def frames(planes: Tensor) -> Tensor:
    """float32 (N, 3, H, W) in 0..1 as uint8 (N, H, W, 3), rounded to the nearest level."""
    return (planes * 255).round().permute(0, 2, 3, 1).to(torch.uint8)


def luma(planes: Tensor) -> Tensor:
    """The BT.601 luma (N, 1, H, W) of RGB (N, 3, H, W)."""
    red, green, blue = planes.split(1, dim=1)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
