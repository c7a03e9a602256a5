"""Operations counted from a graph equal those counted by hand."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tsn.export.onnx.multiply_adds import OperationCount, count_operations
from tsn.runtime.errors import BundleError
from tsn.runtime.geometry import Size

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

SIZE = Size(10, 6)


def write_graph(path: Path, nodes: list[onnx.NodeProto], weights: dict[str, tuple[int, ...]], output: str) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, "height", "width"))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [helper.make_tensor(name, TensorProto.FLOAT, shape, np.ones(shape)) for name, shape in weights.items()],
    )
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_a_convolution_counts_its_kernel_at_every_output(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    path = write_graph(tmp_path / "a.onnx", [node], {"w": (5, 4, 3, 3)}, "y")
    values = 4 * 60 + 5 * 4 * 9 + 5 * 60
    assert count_operations(path, SIZE) == OperationCount(multiply_adds=60 * 5 * 4 * 9, memory_values=values)


def test_strides_and_groups_reduce_the_work(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2], group=4)
    path = write_graph(tmp_path / "a.onnx", [node], {"w": (4, 1, 3, 3)}, "y")
    assert count_operations(path, SIZE).multiply_adds == 15 * 4 * 9


def test_a_matrix_product_counts_its_inner_length(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"], axis=2),  # (4, 60)
        helper.make_node("Gemm", ["flat", "w"], ["y"], transA=1),  # (60, 4) x (4, 7)
    ]
    path = write_graph(tmp_path / "a.onnx", nodes, {"w": (4, 7)}, "y")
    assert count_operations(path, SIZE).multiply_adds == 60 * 4 * 7


def test_padding_that_is_reckoned_from_the_size_is_counted(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["height"], start=2, end=3),
        helper.make_node("Mod", ["height", "four"], ["missing"]),  # 6 % 4: shape inference alone does not know it
        helper.make_node("Concat", ["six_zeros", "missing", "zero"], ["pads"], axis=0),
        helper.make_node("Pad", ["x", "pads"], ["padded"]),
        helper.make_node("Conv", ["padded", "w"], ["y"]),
    ]
    path = write_graph(tmp_path / "a.onnx", nodes, {"w": (5, 4, 1, 1)}, "y")
    model = onnx.load(path)
    for name, values in (("four", [4]), ("six_zeros", [0] * 6), ("zero", [0])):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, (len(values),), values))
    onnx.save_model(model, path)
    assert count_operations(path, SIZE).multiply_adds == 10 * (6 + 2) * 5 * 4


def test_a_shape_that_depends_on_data_is_refused_and_not_guessed(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("NonZero", ["x"], ["places"]),
        helper.make_node("Cast", ["places"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["w", "numbers"], ["y"]),
    ]
    path = write_graph(tmp_path / "a.onnx", nodes, {"w": (2, 4)}, "y")
    with pytest.raises(BundleError, match="depends on its data"):
        count_operations(path, SIZE)


@pytest.mark.parametrize("size", [Size(64, 48), Size(61, 47)])
def test_an_exported_network_counts_what_pytorch_computes(
    tiny_bundle: Path, tiny_networks: "Networks", size: Size
) -> None:
    torch = pytest.importorskip("torch")
    counted = 0

    def count(layer: Any, _inputs: Any, output: Any) -> None:
        nonlocal counted
        counted += output.numel() * layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]

    modules = [*tiny_networks.encoder.modules(), *tiny_networks.decoder.modules()]
    hooks = [module.register_forward_hook(count) for module in modules if isinstance(module, torch.nn.Conv2d)]
    with torch.inference_mode():
        tiny_networks.decoder(tiny_networks.encoder(torch.zeros(1, 3, size.height, size.width)))
    for hook in hooks:
        hook.remove()
    assert count_operations(tiny_bundle / "stylize.onnx", size).multiply_adds == counted > 0


@pytest.mark.slow
def test_adain_on_vgg19_takes_482697_multiply_adds_a_pixel(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tsn.export.networks.stylize import stylize_network
    from tsn.export.onnx.file import write_onnx
    from tsn.train.networks.architectures import ARCHITECTURES
    from tsn.train.networks.weights import Networks

    architecture = ARCHITECTURES["adain-vgg19"]
    networks = Networks(
        architecture=architecture, encoder=architecture.encoder().eval(), decoder=architecture.decoder().eval()
    )
    write_onnx(stylize_network(networks, []), tmp_path / "stylize.onnx")
    size = Size(1920, 1080)
    assert count_operations(tmp_path / "stylize.onnx", size).multiply_adds == 482_697 * size.pixels
