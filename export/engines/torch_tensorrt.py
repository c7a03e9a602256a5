"""A network as an engine by Torch-TensorRT: from torch.export to a plan, without ONNX between."""

import copy
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from tsn.export.engines.request import EngineRequest
from tsn.export.networks.exportable import Exportable
from tsn.export.onnx.precision import reduced
from tsn.runtime.bundle.interfaces import AXIS_LENGTHS
from tsn.runtime.bundle.manifest import Precision
from tsn.runtime.errors import BundleError, UnavailableError, first_line
from tsn.runtime.geometry import Size

DEVICE = "cuda"


def open_torch_tensorrt() -> Any:
    """The module. Raises UnavailableError, with the line that installs it, where it or the GPU is missing."""
    version = torch.__version__.split("+")[0].rpartition(".")[0]
    install = f"pip install 'torch-tensorrt=={version}.*' --extra-index-url https://pypi.nvidia.com"
    try:
        module = import_module("torch_tensorrt")
    except ModuleNotFoundError as error:
        raise UnavailableError(f"torch-tensorrt is not installed ({error.name} is missing). Run: {install}") from error
    except Exception as error:  # it raises Exception itself where TensorRT does not load
        raise UnavailableError(f"torch-tensorrt is installed but does not load: {error}. Run: {install}") from error
    if not torch.cuda.is_available():
        raise UnavailableError(
            f"--via torch-tensorrt needs a PyTorch that sees a GPU, this is {torch.__version__}. Install a build with "
            "CUDA, or leave --via out"
        )
    return module


def build_torch_engine(network: Exportable, precision: Precision, size: Size, request: EngineRequest) -> bytes:
    """The plan of a network for frames of `size`. Its inputs have their names, its outputs output0, output1 and so on.

    Raises BundleError where Torch-TensorRT cannot convert it.
    """
    torch_tensorrt = open_torch_tensorrt()
    typed = network if precision == "fp32" else reduced(network, precision)  # it knows no precision but the program's
    graph = copy.deepcopy(typed.graph).to(DEVICE)
    sides = {axis: length(size, Fraction(1)) for axis, length in AXIS_LENGTHS.items()}
    inputs: list[torch.Tensor] = []
    for name, example in network.inputs.items():
        axes = network.axes.get(name, {})
        shape = [sides[axes[axis]] if axis in axes else length for axis, length in enumerate(example.shape)]
        inputs.append(torch.zeros(shape, dtype=example.dtype, device=DEVICE))
    try:
        with torch.no_grad(), TemporaryDirectory(prefix="tsn-") as folder:
            program = torch.export.export(graph, tuple(inputs))
            return torch_tensorrt.dynamo.convert_exported_program_to_serialized_trt_engine(
                program,
                arg_inputs=inputs,
                disable_tf32=True,
                workspace_size=request.workspace or 0,  # 0: all there is
                optimization_level=request.builder_level,
                timing_cache_path=str(Path(folder) / "timings.bin"),  # by default a file in /tmp that all users share
            )
    except Exception as error:  # of many classes, the library's and torch's
        raise BundleError(
            f"torch-tensorrt cannot build {network.name}: {first_line(error)}. Leave --via out"
        ) from error
