"""The arithmetic of the networks as exported, in PyTorch."""

from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")

from tsn.export.networks.graphs import LUMA, StyleGraph, StylizeGraph, frames, luma, planes
from tsn.train.networks.adain import adain, statistics

if TYPE_CHECKING:
    from torch import Tensor

    from tsn.train.networks.weights import Networks


@pytest.fixture
def frame() -> "Tensor":
    torch.manual_seed(0)
    return torch.randint(0, 256, (1, 45, 61, 3), dtype=torch.uint8)


@pytest.fixture
def style() -> tuple["Tensor", "Tensor"]:
    torch.manual_seed(1)
    return torch.rand(8), torch.rand(8) + 0.5


def stylize(
    networks: "Networks", frame: "Tensor", style: tuple["Tensor", "Tensor"], *, strength: float, preserve: float
) -> tuple["Tensor", "Tensor"]:
    graph = StylizeGraph(networks.encoder, networks.decoder)
    with torch.inference_mode():
        return graph(frame, *style, torch.tensor([strength]), torch.tensor([preserve]))


def test_every_level_survives_the_way_in_and_out() -> None:
    every = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1).expand(1, 16, 16, 3)
    assert torch.equal(frames(planes(every)), every)


def test_levels_round_to_the_nearest() -> None:
    values = torch.tensor([0.0, 0.49, 0.51, 99.6, 254.51, 255.0]).reshape(1, 1, 1, 6).expand(1, 3, 1, 6) / 255
    assert frames(values)[0, 0, :, 0].tolist() == [0, 0, 1, 100, 255, 255]


def test_a_style_is_the_statistics_of_the_features(tiny_networks: "Networks", frame: "Tensor") -> None:
    with torch.inference_mode():
        mean, std = StyleGraph(tiny_networks.encoder)(frame)
        expected_mean, expected_std = statistics(tiny_networks.encoder(planes(frame)))
    assert mean.shape == std.shape == (8,)
    assert torch.equal(mean, expected_mean.flatten())
    assert torch.equal(std, expected_std.flatten())


def test_at_strength_1_the_decoder_sees_adain_and_at_0_the_content(
    tiny_networks: "Networks", frame: "Tensor", style: tuple["Tensor", "Tensor"]
) -> None:
    with torch.inference_mode():
        content = tiny_networks.encoder(planes(frame))
        own, given = statistics(content), tuple(part.view(1, -1, 1, 1) for part in style)
        target = adain(content, *given)
        for strength, features in ((0.0, content), (1.0, target), (0.25, 0.25 * target + 0.75 * content)):
            mixed = (mine + strength * (asked - mine) for mine, asked in zip(own, given, strict=True))
            expected = tiny_networks.decoder(features, *mixed)[:, :, :45, :61].clamp(0, 1)
            styled, _ = stylize(tiny_networks, frame, style, strength=strength, preserve=0)
            torch.testing.assert_close(styled, expected, rtol=0, atol=1e-5)
        assert float((content - target).abs().mean()) > 0.1  # the cases do differ


def test_preserved_colour_has_the_frames_chroma_and_the_styled_luma(
    tiny_networks: "Networks", style: tuple["Tensor", "Tensor"]
) -> None:
    torch.manual_seed(2)
    frame = torch.randint(118, 138, (1, 40, 40, 3), dtype=torch.uint8)  # little chroma: the sum stays within 0..1
    plain, _ = stylize(tiny_networks, frame, style, strength=1, preserve=0)
    kept, _ = stylize(tiny_networks, frame, style, strength=1, preserve=1)
    half, _ = stylize(tiny_networks, frame, style, strength=1, preserve=0.5)
    content = planes(frame)
    inside = ((plain > 0.05) & (plain < 0.95) & (kept > 0.01) & (kept < 0.99)).all(dim=1, keepdim=True)
    assert float(inside.float().mean()) > 0.2
    chosen = inside.expand_as(kept)
    torch.testing.assert_close((kept - luma(kept))[chosen], (content - luma(content))[chosen], rtol=0, atol=1e-5)
    torch.testing.assert_close(luma(kept)[inside], luma(plain)[inside], rtol=0, atol=1e-5)
    torch.testing.assert_close(half[chosen], ((plain + kept) / 2)[chosen], rtol=0, atol=1e-5)
    assert float((plain - kept)[chosen].abs().mean()) > 0.02


def test_the_luma_of_grey_is_that_grey() -> None:
    assert sum(LUMA) == pytest.approx(1)
    grey = torch.full((1, 3, 2, 2), 0.37)
    torch.testing.assert_close(luma(grey), grey[:, :1])


def test_both_outputs_are_the_same_picture_within_0_and_1(
    tiny_networks: "Networks", frame: "Tensor", style: tuple["Tensor", "Tensor"]
) -> None:
    styled, stylized = stylize(tiny_networks, frame, (style[0] * 20, style[1] * 20), strength=1, preserve=0)
    assert stylized.dtype == torch.uint8
    assert (float(styled.min()), float(styled.max())) == (0, 1)
    assert torch.equal(frames(styled), stylized)
