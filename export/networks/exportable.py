"""What tsn-export needs to know of a network: its graph, examples of what it takes, and what may be reduced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn

from tsn.runtime.bundle.interfaces import AXIS_LENGTHS, CHANNELS, NETWORKS, NetworkName
from tsn.runtime.geometry import Size
from tsn.runtime.verification.accuracy import Arrays

EXAMPLE = Size(104, 72)  # to trace with: no side is 0, 1 or equal to the other, which torch.export would take as fixed


@dataclass(frozen=True, kw_only=True, slots=True)
class Exportable:
    """A network to export. The table of runtime/bundle/interfaces.py says what it takes and gives."""

    name: NetworkName
    graph: nn.Module  # in eval mode, float32, on the CPU
    inputs: Mapping[str, Tensor]  # an example of each, in the order of the graph's `forward`
    minimum_side: int  # pixels
    cases: Sequence[Arrays]  # inputs by name, of several sizes: what it is compared with PyTorch on
    largest_pixels: int | None = None  # of a frame, where the network has a limit
    updates: int | None = None  # of a flow: how often it is refined
    scale: float | None = None  # of a flow and its features: of the frames that they are computed on
    unrolled: bool = False  # a long graph: torch.jit traces it in seconds, torch.export in minutes
    reducible_parts: Sequence[
        str
    ] = ()  # submodules, from activations to activations, that may compute in half precision

    @property
    def outputs(self) -> list[str]:
        """The names of what the graph returns, in order."""
        return [tensor.name for tensor in NETWORKS[self.name].outputs]

    @property
    def axes(self) -> Mapping[str, Mapping[int, str]]:
        """The dynamic axes of inputs and outputs: tensor -> axis -> name."""
        return {tensor.name: axes for tensor in NETWORKS[self.name].tensors if (axes := tensor.dynamic_axes)}


def examples(name: NetworkName, *, channels: int = 0) -> dict[str, Tensor]:
    """Return zeros for every input of a network, for frames of EXAMPLE; `channels` is that of the style's features."""
    lengths = {axis: length(EXAMPLE, Fraction(1)) for axis, length in AXIS_LENGTHS.items()} | {CHANNELS: channels}
    return {
        tensor.name: torch.zeros(
            [lengths[axis] if isinstance(axis, str) else axis for axis in tensor.shape],
            dtype=torch.uint8 if tensor.dtype == "uint8" else torch.float32,
        )
        for tensor in NETWORKS[name].inputs
    }
