"""The motion between two frames: which way it points, and where it does not count."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsn.train import losses
from tsn.train.data import motion as pairs
from tsn.train.data.motion import pairs_with_flow
from tsn.train.networks.raft_weights import load_raft
from tsn.train.warping import warp


class Planted(nn.Module):
    """In the place of RAFT: everything moved by one shift from the earlier frame to the later one."""

    def __init__(self, right: float, down: float) -> None:
        super().__init__()
        self.shift = torch.tensor([-right, -down])  # from the later frame to the earlier one
        self.seen: list[Tensor] = []

    def forward(self, one: Tensor, _other: Tensor, *, num_flow_updates: int) -> Sequence[Tensor]:
        assert num_flow_updates > 0
        self.seen.append(one)
        signs = torch.tensor([1.0] * (len(one) // 2) + [-1.0] * (len(one) // 2)).view(-1, 1, 1, 1)
        return [signs * self.shift.view(1, 2, 1, 1).expand(len(one), 2, *one.shape[2:])]


def shifted_pair(*, right: int, down: int, side: int = 40) -> Tensor:
    """A pair (1, 2, 3, S, S) whose later frame shows the earlier one moved."""
    coarse = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    wide = functional.interpolate(coarse, size=(side + 16, side + 16), mode="bicubic").clamp(0, 1)[0]
    earlier = wide[:, 8 : 8 + side, 8 : 8 + side]
    later = wide[:, 8 - down : 8 - down + side, 8 - right : 8 - right + side]
    return torch.stack([earlier, later])[None]


def test_outputs_that_move_with_the_flow_have_no_loss_and_others_have() -> None:
    found = pairs_with_flow(Planted(3, -2), shifted_pair(right=3, down=-2))
    assert found.seen[..., 2:-3, 5:-2].all()
    assert float(losses.temporal_loss(warp(found.earlier, found.flow), found.later, found.seen)) < 1e-10
    flicker = found.later + 0.1
    loss = losses.temporal_loss(warp(found.earlier, found.flow), flicker, found.seen)
    assert loss.item() == pytest.approx(0.01, rel=1e-3)
    assert float(losses.temporal_loss(found.earlier, found.later, found.seen)) > 1e-3  # they did move


def test_pixels_that_come_from_outside_do_not_count() -> None:
    found = pairs_with_flow(Planted(4, 0), shifted_pair(right=4, down=0))
    assert not found.seen[..., :4].any()
    assert found.seen[..., 4:].all()


def test_frames_smaller_than_raft_takes_are_padded_and_the_flow_is_of_their_own_size() -> None:
    raft = Planted(1, 1)
    for side in (40, 132, 136):
        found = pairs_with_flow(raft, shifted_pair(right=1, down=1, side=side))
        assert found.flow.shape == (1, side, side, 2)
        assert found.seen.shape == (1, 1, side, side)
    assert [tuple(images.shape) for images in raft.seen] == [(2, 3, side, side) for side in (128, 136, 136)]
    assert raft.seen[0].min() >= -1
    assert raft.seen[0].min() < -0.5


def test_a_pair_with_too_little_agreement_counts_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Across a cut, flow there and flow back contradict each other."""

    class Torn(Planted):
        def forward(self, one: Tensor, _other: Tensor, *, num_flow_updates: int) -> Sequence[Tensor]:
            flow = super().forward(one, _other, num_flow_updates=num_flow_updates)[0].clone()
            flow[1, :, 44:74] += 7  # the flow forward of 30 of 40 rows
            return [flow]

    frames = shifted_pair(right=0, down=0)
    assert not pairs_with_flow(Torn(0, 0), frames).seen.any()
    monkeypatch.setattr(pairs, "LEAST", 0.2)
    assert pairs_with_flow(Torn(0, 0), frames).seen.mean().item() == pytest.approx(0.25, abs=0.03)


def test_the_flow_is_float32_under_autocast_and_has_no_gradient(still_raft: Path) -> None:
    raft = load_raft("raft-small", still_raft)
    types: set[torch.dtype] = set()
    raft.feature_encoder.register_forward_hook(lambda _module, _inputs, output: types.add(output.dtype))  # type: ignore[union-attr]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = pairs_with_flow(raft, shifted_pair(right=0, down=0).requires_grad_())
    assert types == {torch.float32}
    assert found.flow.dtype == torch.float32
    assert not found.flow.requires_grad
    assert not found.flow.any()
    assert found.seen.all()


@pytest.mark.slow
def test_published_weights_see_a_shift_and_no_motion_across_a_cut(real_data: Path) -> None:
    raft = load_raft("raft-small", real_data / "weights" / "raft-small.pth")
    frames = shifted_pair(right=3, down=-2, side=128)
    found = pairs_with_flow(raft, frames)
    middle = found.flow[0, 20:-20, 20:-20].reshape(-1, 2).median(dim=0).values
    np.testing.assert_allclose(middle, [-3, 2], atol=0.3)
    assert found.seen.mean() > 0.7
    random = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5))
    other = functional.interpolate(random, size=(128, 128), mode="bicubic").clamp(0, 1)
    assert not pairs_with_flow(raft, torch.stack([frames[:, 0], other], dim=1)).seen.any()
