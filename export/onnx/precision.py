"""The precision of a network, written in the network: TensorRT 11 has no flag for it, and a builder's flag would not
travel with the ONNX file.

The parts that an Exportable names as reducible compute in half precision; the arithmetic between them (AdaIN's
statistics, the mix by strength, colour, rounding) stays FP32, and so do the frames' edges of the graph.
"""

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from tsn.export.networks.exportable import Exportable
from tsn.export.onnx.parity import Run, measure_runs, run_eager, run_onnx
from tsn.runtime.bundle.manifest import Accuracy, ReducedPrecision
from tsn.runtime.verification.accuracy import BY_PRECISION

DTYPES: Mapping[ReducedPrecision, torch.dtype] = {"fp16": torch.float16, "bf16": torch.bfloat16}


class Reduced(nn.Module):
    """A network that computes in `dtype` and takes and gives float32."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network.to(dtype)
        self.dtype = dtype

    def forward(self, *inputs: Tensor) -> Tensor | tuple[Tensor, ...]:
        outputs = self.network(*(tensor.to(self.dtype) for tensor in inputs))
        return tuple(output.float() for output in outputs) if isinstance(outputs, tuple) else outputs.float()


def reduced(network: Exportable, precision: ReducedPrecision) -> Exportable:
    """`network` with its reducible parts in half precision; the given one is left as it is."""
    if not network.reducible_parts:
        raise ValueError(f"{network.name} has no part that may be computed in half precision")
    graph = copy.deepcopy(network.graph)
    for part in network.reducible_parts:
        graph.set_submodule(part, Reduced(graph.get_submodule(part), DTYPES[precision]))
    return replace(network, graph=graph.eval())


def rounded(network: Exportable, precision: ReducedPrecision) -> Exportable:
    """`network` in FP32, its weights and the result of each layer rounded to half precision.

    So a CPU, which has no fast FP16 convolutions, shows what the rounding costs and where values overflow. What it
    leaves out is how a GPU's kernel adds up within one layer.
    """
    if not network.reducible_parts:
        raise ValueError(f"{network.name} has no part that may be computed in half precision")
    dtype = DTYPES[precision]
    graph = copy.deepcopy(network.graph)
    for part in network.reducible_parts:
        module = graph.get_submodule(part)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(parameter.to(dtype))
        module.register_forward_pre_hook(lambda _, inputs: tuple(tensor.to(dtype).float() for tensor in inputs))
        for layer in module.modules():
            if not list(layer.children()):
                layer.register_forward_hook(lambda _, inputs, output: output.to(dtype).float())
    return replace(network, graph=graph.eval())


def measure_reduced(network: Exportable, precision: ReducedPrecision, file: Path) -> Accuracy:
    """How far the half-precision `file` of `network` lies from FP32 PyTorch: the worse of two measures.

    ONNX Runtime on a CPU computes FP16 in FP32, so the file itself proves that the graph is right and `rounded` what
    its precision costs. ONNX Runtime has no BF16 convolution on a CPU: there the second stands alone.

    Raises AccuracyError where one is farther than BY_PRECISION allows.
    """
    emulated = rounded(network, precision)
    runs: dict[str, Run] = {f"{network.name} rounded to {precision}": lambda case: run_eager(emulated, case)}
    if precision == "fp16":
        runs[file.name] = run_onnx(network, file)
    remedy = {"fp16": "Leave --fp16 out", "bf16": "Use --fp16, which keeps more digits, or leave --bf16 out"}[precision]
    return measure_runs(network, runs, allowed=BY_PRECISION[precision], remedy=remedy)
