"""The multiply-adds of a network for a frame, counted from its ONNX graph."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from tsn.runtime.errors import BundleError
from tsn.runtime.geometry import Size

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationCount:
    """What one frame costs in convolutions and matrix products, which is nearly all there is.

    `memory_values` is what they read and write when each runs on its own: every input, weight and output once.
    """

    multiply_adds: int
    memory_values: int


LARGE = Size(1920, 1080)
FEW = 64  # values of a constant that sizes are reckoned with; weights have more


def multiply_adds_a_pixel(network: Path) -> float | None:
    """Multiply-adds for a pixel of a frame of 1920x1080; None where they depend on data."""
    try:
        return count_operations(network, LARGE).multiply_adds / LARGE.pixels
    except BundleError:
        return None


def count_operations(network: Path, size: Size) -> OperationCount:
    """Count the operations of a network file for a frame of `size`.

    Its inputs are frames (1, height, width, 3) with the axes named `height` and `width`, and tensors of fixed shape.
    Raises BundleError where the graph holds an axis that these do not settle.
    """
    model = onnx.load(network)
    shapes = _shapes(_settled(model, size))
    multiply_adds = memory_values = 0
    for node in model.graph.node:
        if node.op_type not in ("Conv", "MatMul", "Gemm"):
            continue
        tensors = [*(name for name in node.input if name), node.output[0]]
        if missing := [name for name in tensors if name not in shapes]:
            raise BundleError(
                f"the operations of {network} cannot be counted: the shape of {missing[0]} depends on its data"
            )
        multiply_adds += _multiply_adds(node, shapes)
        memory_values += sum(math.prod(shapes[name]) for name in tensors)
    return OperationCount(multiply_adds=multiply_adds, memory_values=memory_values)


def _multiply_adds(node: onnx.NodeProto, shapes: Shapes) -> int:
    outputs = math.prod(shapes[node.output[0]])
    if node.op_type == "Conv":
        return outputs * math.prod(shapes[node.input[1]][1:])  # weight: (out, in / groups, *kernel)
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return outputs * shapes[node.input[0]][0 if transposed else -1]


def _settled(model: onnx.ModelProto, size: Size) -> onnx.ModelProto:
    """The model with its frames' axes fixed, every shape inferred anew and its weights' values left as they are."""
    settled = onnx.ModelProto()
    settled.CopyFrom(model)
    lengths = {"height": size.height, "width": size.width}
    for value in settled.graph.input:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in lengths:
                axis.dim_value = lengths[axis.dim_param]
    _fold_sizes(settled.graph)
    del settled.graph.value_info[:]  # the exporter's, in terms of the named axes
    for value in settled.graph.output:
        value.type.tensor_type.ClearField("shape")
    return shape_inference.infer_shapes(settled, data_prop=True)


def _fold_sizes(graph: onnx.GraphProto) -> None:
    """Add what is reckoned from the sizes of the inputs alone as constants: shape inference does not know every
    operator that does so, Mod among them."""
    known = {
        tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if math.prod(tensor.dims) <= FEW
    }
    lengths = {value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim] for value in graph.input}
    found: dict[str, NDArray[Any]] = {}
    rest: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Shape" and all(lengths.get(node.input[0], [0])):
            inputs = {node.input[0]: np.empty(lengths[node.input[0]], np.uint8)}
        elif node.input and all(name in known for name in node.input):
            inputs = {name: known[name] for name in node.input}
        else:
            rest.append(node)
            continue
        values = ReferenceEvaluator(node).run(None, inputs)
        found |= {name: np.asarray(value) for name, value in zip(node.output, values, strict=True)}
        known |= found
    del graph.node[:]
    graph.node.extend(rest)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in found.items())


def _shapes(model: onnx.ModelProto) -> Shapes:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        axes = value.type.tensor_type.shape.dim
        if all(axis.HasField("dim_value") for axis in axes):
            shapes[value.name] = tuple(axis.dim_value for axis in axes)
    return shapes
