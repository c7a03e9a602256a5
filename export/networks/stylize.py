"""The two networks of a style transfer, ready to export: style and stylize."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tsn.export.networks.drawn_frames import drawn_frames
from tsn.export.networks.exportable import Exportable, examples
from tsn.export.networks.graphs import StyleGraph, StylizeGraph
from tsn.runtime.verification.accuracy import Arrays
from tsn.train.networks.weights import Networks


def style_network(networks: Networks, frames: Sequence[NDArray[np.uint8]]) -> Exportable:
    """The network that turns a picture into a style, compared on drawn frames and on `frames`, uint8 (1, H, W, 3)."""
    minimum = networks.architecture.minimum_side
    return Exportable(
        name="style",
        graph=StyleGraph(networks.encoder).eval(),
        inputs=examples("style"),
        minimum_side=minimum,
        cases=[{"image": frame} for frame in (*drawn_frames(minimum_side=minimum), *frames)],
    )


def stylize_network(networks: Networks, frames: Sequence[NDArray[np.uint8]]) -> Exportable:
    """The network that styles a frame, compared on drawn frames and on `frames`, uint8 (1, H, W, 3), each in the style
    of the one before, at several strengths."""
    minimum, channels = networks.architecture.minimum_side, networks.architecture.channels
    every = [*drawn_frames(minimum_side=minimum), *frames]
    return Exportable(
        name="stylize",
        graph=StylizeGraph(networks.encoder, networks.decoder).eval(),
        inputs=examples("stylize", channels=channels),
        minimum_side=minimum,
        cases=_stylize_cases(networks, every),
        reducible_parts=("encoder", "decoder"),
    )


def _stylize_cases(networks: Networks, frames: Sequence[NDArray[np.uint8]]) -> list[Arrays]:
    style = StyleGraph(networks.encoder)
    cases: list[Arrays] = []
    for index, frame in enumerate(frames):
        with torch.inference_mode():
            mean, std = style(torch.from_numpy(np.array(frames[index - 1])))
        cases.append(
            {
                "frame": frame,
                "mean": mean.numpy(),
                "std": std.numpy(),
                "strength": np.array([(1.0, 0.6)[index % 2]], np.float32),
                "preserve_color": np.array([(0.0, 0.0, 0.5)[index % 3]], np.float32),
            }
        )
    return cases
