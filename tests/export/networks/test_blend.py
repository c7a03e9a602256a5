"""What the blend shows of its anchors, and what it does not."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from tsn.export.networks.anchors import AnchorGraph
from tsn.export.networks.blend import BlendGraph

HEIGHT, WIDTH = 48, 64


def content() -> Tensor:
    """A frame uint8 (1, H, W, 3) of soft grey waves."""
    x, y = torch.arange(WIDTH) / 7, torch.arange(HEIGHT) / 5
    grey = (128 + 60 * torch.sin(x)[None, :] * torch.cos(y)[:, None]).byte()
    return grey[None, :, :, None].expand(1, HEIGHT, WIDTH, 3).contiguous()


def grain(seed: int) -> Tensor:
    """Strokes of a style around mid-grey, uint8 (1, H, W, 3)."""
    noise = torch.randn(1, HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(seed))
    return (128 + 25 * noise.clamp(-2, 2)).byte()


def shown(styled: Tensor, kept: Tensor, *, intact: Tensor | None = None) -> Tensor:
    """The blend of a styled frame and one anchor of the same content."""
    frame = content()
    intact = torch.full((1, HEIGHT, WIDTH), 255, dtype=torch.uint8) if intact is None else intact
    seen = AnchorGraph()(kept, frame)
    levels, _ = BlendGraph()(styled, frame, seen, seen, intact, intact, torch.ones(1), torch.ones(1))
    return levels


def distance(found: Tensor, picture: Tensor) -> Tensor:
    """The mean difference over the colours in levels, (H, W)."""
    return (found[0].float() - picture[0].float()).abs().mean(dim=2)


def test_the_anchors_strokes_are_shown_where_the_content_agrees() -> None:
    styled, kept = grain(0), grain(1)
    found = shown(styled, kept)
    assert distance(found, kept).mean() < 0.25 * distance(found, styled).mean()


def test_a_torn_anchor_is_not_shown() -> None:
    styled, kept = grain(0), grain(1)
    intact = torch.full((1, HEIGHT, WIDTH), 255, dtype=torch.uint8)
    intact[..., WIDTH // 2 :] = 0
    found = shown(styled, kept, intact=intact)
    assert distance(found, styled)[:, WIDTH // 2 :].max() < 2
    assert distance(found, kept)[:, : WIDTH // 2].mean() < 8


def test_an_outline_that_the_style_no_longer_draws_is_not_left_behind() -> None:
    styled, kept = grain(0), grain(1)
    kept[:, :, 24:40] = 0  # a dark bar, on content that has not changed
    found = shown(styled, kept)
    assert distance(found, styled)[:, 28:36].mean() < 5
    assert distance(found, kept)[:, :16].mean() < 8
