"""Every way that is compared holds a still video still and shows a picture as large as it came."""

from itertools import pairwise

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.runtime.temporal.test_flow import textured
from tsn.benchmarks.quality.evaluate import frame_tensor
from tsn.benchmarks.studies.stabilizers import WAYS, Material


@pytest.fixture
def flickering() -> Material:
    """A still picture whose styled frames change brightness; its features are the picture at an eighth of the size."""
    frame = textured(64, 96)
    random = np.random.default_rng(0)
    still = np.zeros((64, 96, 2), np.float32)

    def encode(image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(image, 8)

    def decode(features: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(features, scale_factor=8, mode="bilinear")

    return Material(
        content=[frame] * 12,
        styled=[(frame_tensor(frame) + float(random.normal(0, 0.03))).clamp(0, 1) for _ in range(12)],
        flows=[still] * 11,
        flows_ahead=[still] * 11,
        encode=encode,
        decode=decode,
    )


@torch.inference_mode()
@pytest.mark.parametrize("name", list(WAYS))
def test_a_way_changes_a_still_picture_no_more_than_frame_by_frame(flickering: Material, name: str) -> None:
    def change(frames: list[torch.Tensor]) -> float:
        return float(torch.stack([(b - a).abs().mean() for a, b in pairwise(frames)]).mean())

    outputs = WAYS[name](flickering)
    assert [tuple(output.shape) for output in outputs] == [(1, 3, 64, 96)] * 12
    alone = change(flickering.styled)
    assert change(outputs) <= (alone if name == "frame by frame" else 0.5 * alone)
