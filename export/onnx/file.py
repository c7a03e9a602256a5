"""A network as an ONNX file: written, checked, described."""

import contextlib
import io
import logging
import warnings
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import onnx
import torch

from tsn.export.networks.exportable import Exportable
from tsn.runtime.bundle.manifest import TensorSpec

# 18 is the first that torch's exporter writes well (Pad takes its amounts as an input). From 20 on GridSample's modes
# have other names, which TensorRT up to 11.1 misreads in silence: NVIDIA/TensorRT#4646.
OPSET = 18
HIGHEST_OPSET = 19
LONGEST_SIDE = 16384  # pixels: a bound that torch.export wants for a dynamic axis, past any video

DTYPES: Mapping[int, str] = {
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.FLOAT16: "float16",
}


def write_onnx(network: Exportable, path: Path) -> None:
    """Trace the network's graph and write it to `path`, its weights inside, dynamic axes named, checked by onnx.

    Raises RuntimeError, ours to repair, where the graph is not what was asked for.
    """
    with _silence(), torch.inference_mode(False), torch.no_grad():
        model = _scripted(network) if network.unrolled else _exported(network)
    _name_axes(model, network.axes)
    _forget_origin(model.graph)
    del model.metadata_props[:]
    # ONNX has BF16 convolutions from opset 22 on. TensorRT takes them at any, ONNX's own type check does not.
    onnx.checker.check_model(model, full_check=not _holds_bfloat16(model))
    if (found := opset_of(model)) > HIGHEST_OPSET:
        raise RuntimeError(f"{network.name} came out at opset {found}, the highest that TensorRT reads well is 19")
    onnx.save_model(model, path)


def _exported(network: Exportable) -> onnx.ModelProto:
    sides = {
        name: torch.export.Dim(name, min=network.minimum_side, max=LONGEST_SIDE)
        for tensor in network.inputs
        for name in network.axes.get(tensor, {}).values()
    }
    shapes = [
        {axis: sides[name] for axis, name in network.axes.get(tensor, {}).items()} or None for tensor in network.inputs
    ]
    program = torch.onnx.export(
        network.graph,
        tuple(network.inputs.values()),
        dynamo=True,
        opset_version=OPSET,
        input_names=list(network.inputs),
        output_names=list(network.outputs),
        dynamic_shapes=tuple(shapes),
        optimize=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError(f"torch gave no ONNX program for {network.name}")
    return program.model_proto


def _scripted(network: Exportable) -> onnx.ModelProto:
    buffer = io.BytesIO()
    torch.onnx.export(
        network.graph,
        tuple(network.inputs.values()),
        cast("Any", buffer),
        dynamo=False,
        opset_version=OPSET,
        input_names=list(network.inputs),
        output_names=list(network.outputs),
        dynamic_axes={tensor: dict(axes) for tensor, axes in network.axes.items()},
    )
    return onnx.load_model_from_string(buffer.getvalue())


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators that a model asks for."""
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def described(values: Mapping[str, onnx.ValueInfoProto]) -> dict[str, TensorSpec]:
    """Dtype and shape of inputs or outputs, as the manifest holds them."""
    return {
        name: TensorSpec.model_validate(
            {
                "dtype": DTYPES[value.type.tensor_type.elem_type],
                "shape": tuple(axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim),
            }
        )
        for name, value in values.items()
    }


def _holds_bfloat16(model: onnx.ModelProto) -> bool:
    return any(tensor.data_type == onnx.TensorProto.BFLOAT16 for tensor in model.graph.initializer)


def _name_axes(model: onnx.ModelProto, axes: Mapping[str, Mapping[int, str]]) -> None:
    """Give the outputs' dynamic axes their names; torch writes a formula such as Min(height, 8*((height-1)//8)+8)."""
    for value in model.graph.output:
        for axis, name in axes.get(value.name, {}).items():
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _forget_origin(graph: onnx.GraphProto) -> None:
    """Remove what torch notes of each node: the stack that made it, with the paths of this machine."""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


@contextlib.contextmanager
def _silence() -> Generator[None]:
    """Keep the exporter's steps and warnings, which no user can act on, off the terminal."""
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # what matters is raised
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
