"""What the blend shows of its anchors, and what it does not."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from tsn.export.blend import BlendGraph
from tsn.runtime.anchors import OFFSET

HEIGHT, WIDTH = 48, 64


def content() -> Tensor:
    """A frame uint8 (1, H, W, 3) of soft grey waves."""
    x, y = torch.arange(WIDTH) / 7, torch.arange(HEIGHT) / 5
    grey = (128 + 60 * torch.sin(x)[None, :] * torch.cos(y)[:, None]).byte()
    return grey[None, :, :, None].expand(1, HEIGHT, WIDTH, 3).contiguous()


def anchor(styled: Tensor, frame: Tensor) -> Tensor:
    """An anchor (1, H, W, 4) of a styled frame (1, 3, H, W)."""
    luma = frame.float() @ torch.tensor([0.299, 0.587, 0.114]) / 255 + OFFSET
    return torch.cat([styled.permute(0, 2, 3, 1), luma[..., None]], dim=3)


def grain(seed: int) -> Tensor:
    """Strokes of a style around mid-grey, (1, 3, H, W)."""
    return 0.5 + 0.1 * torch.randn(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed)).clamp(-2, 2)


def shown(styled: Tensor, kept: Tensor, *, intact: Tensor | None = None) -> Tensor:
    """The blend of a styled frame and one anchor of the same content, (1, H, W, 3) in 0..1."""
    frame = content()
    intact = torch.ones(1, HEIGHT, WIDTH) if intact is None else intact
    seen = anchor(kept, frame)
    levels, _ = BlendGraph()(styled, frame, seen, seen, intact, intact, torch.ones(1), torch.ones(1))
    return levels.float() / 255


def distance(found: Tensor, picture: Tensor) -> Tensor:
    """The mean difference over the colours, (H, W)."""
    return (found[0] - picture[0].permute(1, 2, 0)).abs().mean(dim=2)


def test_the_anchors_strokes_are_shown_where_the_content_agrees() -> None:
    styled, kept = grain(0), grain(1)
    found = shown(styled, kept)
    assert distance(found, kept).mean() < 0.25 * distance(found, styled).mean()


def test_a_torn_anchor_is_not_shown() -> None:
    styled, kept = grain(0), grain(1)
    intact = torch.ones(1, HEIGHT, WIDTH)
    intact[..., WIDTH // 2 :] = 0
    found = shown(styled, kept, intact=intact)
    assert distance(found, styled)[:, WIDTH // 2 :].max() < 0.01
    assert distance(found, kept)[:, : WIDTH // 2].mean() < 0.03


def test_an_outline_that_the_style_no_longer_draws_is_not_left_behind() -> None:
    styled, kept = grain(0), grain(1)
    kept[..., 24:40] = 0.0  # a dark bar, on content that has not changed
    found = shown(styled, kept)
    assert distance(found, styled)[:, 28:36].mean() < 0.02
    assert distance(found, kept)[:, :16].mean() < 0.03
