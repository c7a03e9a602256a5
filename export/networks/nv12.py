"""Frames as NVDEC gives them, to RGB: the networks `nv12` and `p010`, for frames that stay on a GPU. All in FP32."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.export.networks.drawn_frames import drawn_frames
from tsn.export.networks.exportable import Exportable, examples
from tsn.runtime.video.nvdec.nv12 import DEPTHS, Depth, drawn_planes


class Nv12Graph(nn.Module):
    """A frame of 4:2:0 video as RGB, with its own matrix, range and position of the chroma.

    luma uint8 (1, h, 2, w, 2, B), chroma uint8 (1, h, w, 2, B): the planes of a frame of 2h x 2w pixels as they lie in
    memory, B bytes a value, the lowest first; matrix float32 (3, 3), offset (3,), taps (2, 2, 3): see Conversion of
    runtime/video/nvdec/nv12.py
    -> frame uint8 (1, 2h, 2w, 3) RGB.
    """

    places: Tensor

    def __init__(self, *, length: int) -> None:
        """Take `length` bytes a value: values of two count as 256ths of a level."""
        super().__init__()
        self.register_buffer("places", 256.0 ** torch.arange(1 - length, 1))

    def forward(self, luma: Tensor, chroma: Tensor, matrix: Tensor, offset: Tensor, taps: Tensor) -> Tensor:
        height, width = chroma.shape[1], chroma.shape[2]
        brightness = (luma.float() * self.places).sum(dim=-1)  # (1, h, 2, w, 2)
        colours = (chroma.float() * self.places).sum(dim=-1).permute(0, 3, 1, 2)
        colours = F.pad(colours, (1, 1, 1, 1), mode="replicate")
        around = torch.cat([colours[:, :, tap : tap + height] for tap in range(3)])
        rows = (taps[0] @ around.flatten(1)).reshape(2, 2, height, width + 2)  # of a pair, U and V
        around = torch.stack([rows[..., tap : tap + width] for tap in range(3)])
        pixels = (taps[1] @ around.flatten(1)).reshape(2, 2, 2, height, width)  # across, down, U and V
        values = torch.cat([brightness, pixels.permute(2, 3, 1, 4, 0)]).reshape(3, -1)
        rgb = (matrix @ values + offset.unsqueeze(1)).reshape(1, 3, 2 * height, 2 * width)
        return rgb.permute(0, 2, 3, 1).round().clamp(0, 255).byte()


def nv12_networks() -> tuple[Exportable, ...]:
    """The networks `nv12` and `p010`, without weights: they are the same in every bundle."""
    return tuple(_network(depth) for depth in DEPTHS.values())


def _network(depth: Depth) -> Exportable:
    return Exportable(
        name=depth.network,
        graph=Nv12Graph(length=depth.length).eval(),
        inputs=examples(depth.network),
        minimum_side=9,
        cases=[drawn_planes(_even(frame[0]), depth) for frame in drawn_frames(minimum_side=18)],
    )


def _even(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width, _ = frame.shape
    return frame[: height - height % 2, : width - width % 2]
