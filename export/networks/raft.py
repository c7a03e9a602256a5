"""RAFT as exported: the features of each frame, and the flow between two frames, the updates unrolled.

Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020 (arXiv:2003.12039), with
torchvision's modules and weights.
"""

from fractions import Fraction
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsn.runtime.bundle.interfaces import (
    RAFT_SMALLEST,
    RAFT_STRIDE,
    feature_size,
    reduction_steps,
    scaled_side,
)
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.temporal.flow import STILL

LARGEST_TENSOR = 2**31 - 1  # elements: TensorRT's limit, which its builder does not check


class FeaturesGraph(nn.Module):
    """What RAFT compares of a frame. A network of its own: a frame is compared twice, as current and as previous.

    frame uint8 (1, H, W, 3) RGB, of any size
    -> features float32 (1, C, h, w): an eighth of the frame, reduced by `scale` and padded to a size that RAFT takes.
    """

    def __init__(self, network: nn.Module, *, scale: Fraction = Fraction(1)) -> None:
        super().__init__()
        self.encoder = cast(Any, network.eval()).feature_encoder
        self.scale = scale

    def forward(self, frame: Tensor) -> Tensor:
        return self.encoder(_padded(_reduced(_planes(frame), self.scale))[0])


class FlowGraph(nn.Module):
    """Where each pixel of the current frame was in the previous one.

    current, previous uint8 (1, H, W, 3) RGB; features, previous_features float32 (1, C, h, w): of both, see
    FeaturesGraph
    -> flow float32 (1, H, W, 2): pixels of the full frame, x before y, from the current frame to the previous one; 0
    where nothing has changed, see runtime/temporal/flow.py; changed float32 (1,): the most levels by which a value has
    changed.

    The frame is reduced by `scale` and padded as for its features, and the flow is cropped and enlarged again.
    """

    def __init__(self, network: nn.Module, *, updates: int, scale: Fraction = Fraction(1)) -> None:
        """Wrap torchvision's `network` (raft_small or raft_large).

        Args:
            network: with its weights loaded; put in evaluation mode here.
            updates: how often the flow is refined; the authors train with 12 and evaluate with up to 32.
            scale: of the frames that RAFT sees, from 1/4 to 1.
        """
        super().__init__()
        self.network: Any = network.eval()
        self.updates = updates
        self.scale = scale
        hidden = self.network.update_block.hidden_state_size
        self.split = (hidden, self.network.context_encoder.output_dim - hidden)  # channels: hidden state, context

    def forward(
        self, current: Tensor, previous: Tensor, features: Tensor, previous_features: Tensor
    ) -> tuple[Tensor, Tensor]:
        height, width = current.shape[1], current.shape[2]
        images = _reduced(_planes(current), self.scale)
        small_height, small_width = images.shape[2], images.shape[3]
        images, top, left = _padded(images)
        flow = self._flow(images, features, previous_features)
        flow = flow[:, :, top : top + small_height, left : left + small_width]
        if self.scale != 1:
            flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False) / float(self.scale)
        changed = (current.float() - previous.float()).abs().amax(dim=3).unsqueeze(1)
        moved = F.max_pool2d(changed, STILL, stride=1, padding=STILL // 2) > 0
        return (flow * moved.float()).permute(0, 2, 3, 1), changed.amax().reshape(1)

    def _flow(self, current: Tensor, features: Tensor, previous_features: Tensor) -> Tensor:
        """The last flow (1, 2, H, W) alone; torchvision's forward computes, and enlarges, that of every update."""
        pyramid = _correlations(features, previous_features, levels=self.network.corr_block.num_levels)
        update = self.network.update_block
        hidden, context = self.network.context_encoder(current).split(self.split, dim=1)
        hidden, context = hidden.tanh(), context.relu()
        start = _coordinates(features)
        coordinates = start
        for _ in range(self.updates):
            looked_up = _looked_up(pyramid, coordinates, radius=self.network.corr_block.radius)
            hidden, step = update(hidden, context, looked_up, coordinates - start)
            coordinates = coordinates + step
        flow = (coordinates - start) * RAFT_STRIDE
        if self.network.mask_predictor is None:
            return F.interpolate(flow, scale_factor=RAFT_STRIDE, mode="bilinear", align_corners=True)
        return _convex_upsampled(flow, self.network.mask_predictor(hidden))


def refuse_too_large(largest: Size, *, scale: Fraction) -> None:
    """Raise UsageError, with the scale that fits, where frames of `largest` exceed what the correlation allows.

    The correlation holds a value for each pair of feature pixels: at 1920x1080 a billion, four gigabytes.
    """
    if _correlation_elements(largest, scale) <= LARGEST_TENSOR:
        return
    fitting = next((part for part in _SCALES if _correlation_elements(largest, part) <= LARGEST_TENSOR), None)
    remedy = f"Use --flow-scale {float(fitting):g}" if fitting else "No scale fits: reduce the video"
    raise UsageError(
        f"flow at scale {float(scale):g} of {largest} needs a correlation of "
        f"{_correlation_elements(largest, scale):,} elements, the limit is {LARGEST_TENSOR:,}. {remedy}"
    )


_SCALES = tuple(Fraction(part, 20) for part in range(20, 4, -1))  # 1, 0.95, ... 0.25


def _correlation_elements(size: Size, scale: Fraction) -> int:
    return feature_size(size, scale).pixels ** 2


def _planes(frame: Tensor) -> Tensor:
    """uint8 (1, H, W, 3) as (1, 3, H, W) in -1..1."""
    return frame.float().permute(0, 3, 1, 2) / 127.5 - 1


def _reduced(images: Tensor, scale: Fraction) -> Tensor:
    """The images scaled down."""
    for part in reduction_steps(scale):
        sides = [scaled_side(side, part) for side in images.shape[2:]]
        images = F.interpolate(images, size=sides, mode="bilinear", align_corners=False)
    return images


def _padded(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The images with their edges repeated until RAFT takes them; rows added above, columns added to the left."""
    before: list[Tensor] = []
    for axis in (2, 3):
        side = torch.as_tensor(images.shape[axis])
        padded = (side.clamp(min=RAFT_SMALLEST) + RAFT_STRIDE - 1) // RAFT_STRIDE * RAFT_STRIDE
        before.append((padded - side) // 2)
        index = torch.minimum((torch.arange(cast("int", padded)) - before[-1]).clamp(min=0), side - 1)
        images = images.index_select(axis, index)
    return images, before[0], before[1]


def _correlations(features: Tensor, previous: Tensor, *, levels: int) -> list[Tensor]:
    """The product of every pixel of one with every pixel of the other, and its averages: (h*w, 1, h/2^l, w/2^l)."""
    _, channels, height, width = features.shape
    # Scaled before the product: behind it, half precision could have overflowed already.
    rows = (features / channels**0.5).flatten(2).transpose(1, 2)
    pyramid = [(rows @ previous.flatten(2)).reshape(height * width, 1, height, width)]
    for _ in range(levels - 1):
        pyramid.append(F.avg_pool2d(pyramid[-1], 2))
    return pyramid


def _looked_up(pyramid: list[Tensor], coordinates: Tensor, *, radius: int) -> Tensor:
    """The correlations around `coordinates` (1, 2, h, w), as features (1, levels * (2 radius + 1)^2, h, w).

    All samples of a window share one fraction of a pixel: a window one pixel larger is gathered and neighbours are
    mixed. That is a quarter of the reads of a grid sampler, and no GridSample, which runtimes disagree on.
    """
    height, width = coordinates.shape[2], coordinates.shape[3]
    centre = coordinates.flatten(2)[0].permute(1, 0)  # (h*w, 2): x, y
    offsets = torch.arange(-radius, radius + 2)
    levels: list[Tensor] = []
    for level, volume in enumerate(pyramid):
        position = centre / 2**level
        # Far outside everything is 0, and an index must stay an index: a diverging flow is brought near.
        corner = position.floor().clamp(-4096, 4096)
        part = (position - position.floor()).unsqueeze(2)  # (h*w, 2, 1)
        columns = corner[:, :1].long() + offsets  # (h*w, 2r + 2)
        rows = corner[:, 1:].long() + offsets
        level_height, level_width = volume.shape[2], volume.shape[3]
        inside_columns = (columns >= 0) & (columns < level_width)
        inside_rows = (rows >= 0) & (rows < level_height)
        columns = torch.minimum(columns.clamp(min=0), torch.as_tensor(level_width) - 1)
        rows = torch.minimum(rows.clamp(min=0), torch.as_tensor(level_height) - 1)
        # x comes first: the order of the original's channels.
        index = (rows.unsqueeze(1) * level_width + columns.unsqueeze(2)).flatten(1)
        window = volume.flatten(1).gather(1, index).reshape(-1, 2 * radius + 2, 2 * radius + 2)
        window = window * inside_columns.unsqueeze(2) * inside_rows.unsqueeze(1)
        window = window[:, :-1] + part[:, :1] * (window[:, 1:] - window[:, :-1])
        window = window[:, :, :-1] + part[:, 1:] * (window[:, :, 1:] - window[:, :, :-1])
        levels.append(window.flatten(1))
    return torch.cat(levels, dim=1).permute(1, 0).reshape(1, -1, height, width)


def _coordinates(features: Tensor) -> Tensor:
    """The pixel coordinates (1, 2, h, w) of `features`, x before y."""
    height, width = features.shape[2], features.shape[3]
    x = torch.arange(width).float().view(1, 1, 1, -1) + torch.zeros(1, 1, 1, 1)
    y = torch.arange(height).float().view(1, 1, -1, 1)
    return torch.cat([x + 0 * y, y + 0 * x], dim=1)


def _convex_upsampled(flow: Tensor, mask: Tensor) -> Tensor:
    """The flow (1, 2, h, w), each of its 8x8 finer pixels a mix of 9 neighbours; appendix B of the paper."""
    height, width = flow.shape[2], flow.shape[3]
    weights = mask.reshape(1, 9, RAFT_STRIDE, RAFT_STRIDE, height, width).softmax(dim=1)
    padded = F.pad(flow, (1, 1, 1, 1))
    shifted = [padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    finer = torch.zeros(1)
    for number, neighbour in enumerate(shifted):
        finer = finer + weights[:, number].unsqueeze(1) * neighbour[:, :, None, None]  # (1, 2, 8, 8, h, w)
    return finer.permute(0, 1, 4, 2, 5, 3).reshape(1, 2, height * RAFT_STRIDE, width * RAFT_STRIDE)
