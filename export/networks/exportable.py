"""What tsn-export needs to know of a network: its graph, its tensors, and how far it may lie from PyTorch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from tsn.runtime.bundle.manifest import NetworkName, ReducedPrecision
from tsn.runtime.verification.accuracy import Thresholds

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parity:
    """How a network is compared with FP32 PyTorch."""

    cases: Sequence[Arrays]  # inputs by name, of several sizes
    levels: Callable[[Arrays, Arrays], Mapping[str, NDArray[np.float64]]]
    """(reference outputs, found outputs) -> for each output the differences, in levels of an 8-bit picture."""
    thresholds: Mapping[str, Thresholds]  # for each output


@dataclass(frozen=True, kw_only=True, slots=True)
class Reduction:
    """What of a network may be computed in half precision, and how far that may take it from FP32 PyTorch."""

    parts: Sequence[str]  # submodules of the graph that take and give activations; all else stays FP32
    thresholds: Mapping[ReducedPrecision, Mapping[str, Thresholds]]  # for each output


@dataclass(frozen=True, kw_only=True, slots=True)
class Exportable:
    """A network to export. Tensors are named in the order of the graph's `forward` and of what it returns."""

    name: NetworkName
    graph: nn.Module  # in eval mode, float32, on the CPU
    inputs: Mapping[str, Tensor]  # an example of each
    outputs: Sequence[str]
    axes: Mapping[str, Mapping[int, str]]  # the dynamic axes of inputs and outputs: tensor -> axis -> name
    minimum_side: int  # pixels
    parity: Parity
    largest_pixels: int | None = None  # of a frame, where the network has a limit
    updates: int | None = None  # of a flow: how often it is refined
    scale: float | None = None  # of a flow and its features: of the frames that they are computed on
    unrolled: bool = False  # a long graph: torch.jit traces it in seconds, torch.export in minutes
    reduction: Reduction | None = None  # None: the network is FP32 whatever precision is asked for
