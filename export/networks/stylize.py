"""The two networks of a style transfer, ready to export: style and stylize."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tsn.export.networks.drawn_frames import drawn_frames
from tsn.export.networks.exportable import Arrays, Exportable, Parity, Reduction, Thresholds
from tsn.export.networks.graphs import StyleGraph, StylizeGraph
from tsn.runtime.verification import accuracy
from tsn.train.networks.weights import Networks

# FP32 against FP32: the two differ by the order of additions alone; measured on the VGG-19 networks, 120 dB. A wrong
# kernel, padding or cast moves edges or whole areas by a tenth of a level and more.
FP32_PICTURE = Thresholds(psnr_db=75, worst_level=0.25, quantile_999_level=0.1)
# After rounding, a value near a tie may fall on either side: one level, at a pixel in ten thousand.
ROUNDED_PICTURE = Thresholds(psnr_db=65, worst_level=1, quantile_999_level=1)
# Statistics of the style, as shares of their largest value times 255: measured, 135 dB and 0.001.
FP32_STATISTICS = Thresholds(psnr_db=80, worst_level=0.1, quantile_999_level=0.1)

# Convolutions and what they pass on in half precision, all else FP32. Measured on the VGG-19 networks with the result
# of every layer rounded: 61 dB, worst 2 levels, 99.9 % quantile 1 in FP16; 51 dB, 6 and 3 in BF16, whose mantissa has
# 8 bits to FP16's 11.
FP16_PICTURE = Thresholds(psnr_db=55, worst_level=4, quantile_999_level=2)
BF16_PICTURE = Thresholds(psnr_db=46, worst_level=12, quantile_999_level=5)

EXAMPLE = (72, 104)  # height and width to trace with: neither 0, 1 nor equal, which torch.export would take as fixed
SIDES = {1: "height", 2: "width"}  # the dynamic axes of a frame (1, H, W, 3)


def style_network(networks: Networks, frames: Sequence[NDArray[np.uint8]]) -> Exportable:
    """The network that turns a picture into a style, compared on drawn frames and on `frames`, uint8 (1, H, W, 3)."""
    minimum = networks.architecture.minimum_side
    return Exportable(
        name="style",
        graph=StyleGraph(networks.encoder).eval(),
        inputs={"image": torch.zeros(1, *EXAMPLE, 3, dtype=torch.uint8)},
        outputs=("mean", "std"),
        axes={"image": SIDES},
        minimum_side=minimum,
        parity=Parity(
            cases=[{"image": frame} for frame in (*drawn_frames(minimum_side=minimum), *frames)],
            levels=largest_as_255,
            thresholds={"mean": FP32_STATISTICS, "std": FP32_STATISTICS},
        ),
    )


def stylize_network(networks: Networks, frames: Sequence[NDArray[np.uint8]]) -> Exportable:
    """The network that styles a frame, compared on drawn frames and on `frames`, uint8 (1, H, W, 3), each in the style
    of the one before, at several strengths."""
    minimum, channels = networks.architecture.minimum_side, networks.architecture.channels
    every = [*drawn_frames(minimum_side=minimum), *frames]
    return Exportable(
        name="stylize",
        graph=StylizeGraph(networks.encoder, networks.decoder).eval(),
        inputs={
            "frame": torch.zeros(1, *EXAMPLE, 3, dtype=torch.uint8),
            "mean": torch.zeros(channels),
            "std": torch.ones(channels),
            "strength": torch.ones(1),
            "preserve_color": torch.zeros(1),
        },
        outputs=("styled", "stylized"),
        axes={"frame": SIDES, "styled": {2: "height", 3: "width"}, "stylized": SIDES},
        minimum_side=minimum,
        parity=Parity(
            cases=_stylize_cases(networks, every),
            levels=_picture_levels,
            thresholds={"styled": FP32_PICTURE, "stylized": ROUNDED_PICTURE},
        ),
        reduction=Reduction(
            parts=("encoder", "decoder"),
            thresholds={
                "fp16": {"styled": FP16_PICTURE, "stylized": FP16_PICTURE},
                "bf16": {"styled": BF16_PICTURE, "stylized": BF16_PICTURE},
            },
        ),
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


def largest_as_255(reference: Arrays, found: Arrays) -> dict[str, NDArray[np.float64]]:
    """Differences of outputs without a scale of their own, in levels."""
    return {name: accuracy.largest_as_255(value, found[name]) for name, value in reference.items()}


def _picture_levels(reference: Arrays, found: Arrays) -> dict[str, NDArray[np.float64]]:
    return {
        "styled": (np.float64(found["styled"]) - reference["styled"]) * 255,
        "stylized": np.float64(found["stylized"]) - reference["stylized"],
    }
