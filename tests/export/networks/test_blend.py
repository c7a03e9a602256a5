"""What the blend shows of its anchors, and what it does not."""

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from tsn.export.networks.blend import BlendGraph
from tsn.runtime.temporal.opencv_anchors import new_anchor

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


def anchor(styled: Tensor, frame: Tensor) -> tuple[Tensor, Tensor]:
    """What is kept of a styled frame, values and chroma, as torch tensors."""
    kept = new_anchor(styled[0].numpy(), frame[0].numpy())
    return torch.from_numpy(kept.values)[None], torch.from_numpy(kept.chroma)[None]


def shown(styled: Tensor, kept: Tensor, *, intact: Tensor | None = None, before: Tensor | None = None) -> Tensor:
    """The blend of a styled frame and one anchor of the same content, or of `before`."""
    frame = content()
    intact = torch.full((1, HEIGHT, WIDTH), 255, dtype=torch.uint8) if intact is None else intact
    seen, chroma = anchor(kept, frame if before is None else before)
    share = strength = torch.ones(1)
    levels, _, _ = BlendGraph()(styled, frame, seen, seen, chroma, chroma, intact, intact, share, strength)
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


def test_what_differs_from_the_frame_in_colour_alone_is_not_shown() -> None:
    styled, kept, before = grain(0), grain(1), content()
    before[:, :, 24:40] = equally_bright_but_redder(before[:, :, 24:40], by=90)
    found = shown(styled, kept, before=before)
    assert distance(found, styled)[:, 27:37].mean() < 3
    assert distance(found, kept)[:, :16].mean() < 8


def test_a_slight_change_of_tint_is_no_reason_to_refuse_an_anchor() -> None:
    styled, kept = grain(0), grain(1)
    found = shown(styled, kept, before=equally_bright_but_redder(content(), by=12))
    assert distance(found, kept).mean() < 2


def equally_bright_but_redder(frame: Tensor, *, by: float) -> Tensor:
    change = torch.tensor([by, -by * 0.299 / 0.587, 0.0])  # of the luma: none
    return (frame.float() + change).clamp(0, 255).byte()
