"""The motion between consecutive frames of a clip, found by RAFT: the temporal loss on clips compares along it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsn.runtime.bundle.interfaces import RAFT_SMALLEST, RAFT_STRIDE
from tsn.train.warping import trusted

UPDATES = 12  # of the flow: RAFT is trained with as many
LEAST = 0.3  # share of the pixels: across a cut it is below 0.1, in most motion above 0.5


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Pairs of consecutive frames and the motion between them."""

    earlier: Tensor  # (P, 3, S, S) in 0..1
    later: Tensor
    flow: Tensor  # (P, S, S, 2): pixels, from the later frame to the earlier one
    seen: Tensor  # (P, 1, S, S): 1 where the flow can be trusted; 0 all over where those pixels are fewer than LEAST


@torch.no_grad()
def pairs_with_flow(raft: nn.Module, frames: Tensor) -> Pairs:
    """Find the flow, in float32, of pairs (P, 2, 3, S, S) in 0..1, the earlier frame first."""
    earlier, later = frames.unbind(1)
    padding = _padding(frames.shape[-1])
    images = functional.pad(torch.cat([later, earlier]), padding, mode="replicate") * 2 - 1
    with torch.autocast(frames.device.type, enabled=False):
        flow = raft(images, images.roll(len(later), dims=0), num_flow_updates=UPDATES)[-1]
    flow = functional.pad(flow, [-side for side in padding]).permute(0, 2, 3, 1)
    backward, forward = flow.chunk(2)
    seen = trusted(backward, forward)
    enough = seen.mean(dim=(1, 2, 3), keepdim=True) >= LEAST
    return Pairs(earlier=earlier, later=later, flow=backward, seen=seen * enough)


def _padding(side: int) -> list[int]:
    """Return the pixels to add on the left, the right, above and below for RAFT to take a square of this side."""
    missing = max(RAFT_SMALLEST, -(-side // RAFT_STRIDE) * RAFT_STRIDE) - side
    return [missing // 2, missing - missing // 2] * 2
