"""Half precision is written in the network, where it was asked for and nowhere else."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

torch = pytest.importorskip("torch")

from tsn.export.networks.stylize import style_network, stylize_network
from tsn.export.onnx.parity import measure, measure_runs, run_eager, run_onnx
from tsn.export.onnx.precision import measure_reduced, reduced, rounded
from tsn.runtime.backends import open_backend, scalar
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import AccuracyError
from tsn.runtime.verification.accuracy import Allowed, Thresholds
from tsn.train.networks import lite
from tsn.train.networks.architectures import ARCHITECTURES
from tsn.train.networks.weights import Networks

if TYPE_CHECKING:
    from tsn.export.networks.exportable import Exportable

FLOAT, HALF, BFLOAT = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16
UINT8 = onnx.TensorProto.UINT8
NO_THRESHOLD: Allowed = dict.fromkeys(
    ("picture", "levels"), Thresholds(psnr_db=0, worst_level=999, quantile_999_level=999)
)


def types(model: onnx.ModelProto) -> dict[str, int]:
    """The element type of every tensor in a graph."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    found = {value.name: value.type.tensor_type.elem_type for value in (*graph.input, *graph.output, *graph.value_info)}
    return found | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.mark.parametrize(("precision", "expected"), [("fp16", HALF), ("bf16", BFLOAT)])
def test_every_convolution_is_half_and_its_weights_too(tiny_half_bundle: Path, precision: str, expected: int) -> None:
    model = onnx.load(tiny_half_bundle / f"stylize.{precision}.onnx")
    type_of = types(model)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 8
    assert {type_of[name] for node in convolutions for name in node.input} == {expected}


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_statistics_grids_and_colour_stay_fp32(tiny_half_bundle: Path, precision: str) -> None:
    model = onnx.load(tiny_half_bundle / f"stylize.{precision}.onnx")
    type_of = types(model)
    kinds = {
        kind: [node for node in model.graph.node if node.op_type == kind]
        for kind in ("ReduceMean", "Sqrt", "Sub", "Div", "Clip", "GridSample", "ReduceProd")
    }
    assert len(kinds["ReduceMean"]) == 2  # the mean, and the mean of the squares
    for kind in ("ReduceMean", "Sqrt", "Sub", "Clip", "GridSample"):
        assert {type_of[node.input[0]] for node in kinds[kind]} <= {FLOAT}, kind


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_frames_are_uint8_at_the_edges_alone_and_the_styled_frame_leaves_as_float32(
    tiny_half_bundle: Path, precision: str
) -> None:
    model = onnx.load(tiny_half_bundle / f"stylize.{precision}.onnx")
    assert {name for name, kind in types(model).items() if kind == UINT8} == {"frame", "stylized"}
    assert {node.op_type for node in model.graph.node if "frame" in node.input} <= {"Cast", "Shape"}
    edges = {value.name: value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)}
    assert {name for name, kind in edges.items() if kind == FLOAT} == set(edges) - {"frame", "stylized"}
    assert model.opset_import[0].version <= 19


def test_the_manifest_names_each_file_with_its_distance(tiny_half_bundle: Path) -> None:
    networks = open_bundle(tiny_half_bundle).manifest.networks
    assert set(networks["stylize"].variants) == {"fp16", "bf16"}
    assert networks["style"].variants == {}  # runs once for a style: nothing to gain
    for precision, least in (("fp16", 55), ("bf16", 46)):
        variant = networks["stylize"].variants[precision]
        assert variant.file == f"stylize.{precision}.onnx"
        assert least < variant.accuracy.psnr_db < 75  # FP32 reaches more: something was rounded


def test_the_file_that_is_named_is_the_one_that_runs(tiny_half_bundle: Path) -> None:
    bundle = open_bundle(tiny_half_bundle)
    assert bundle.named(tiny_half_bundle, None).network("stylize").name == "stylize.onnx"
    half = bundle.named(tiny_half_bundle / "stylize.fp16.onnx", None)
    assert half.network("stylize").name == "stylize.fp16.onnx"
    assert half.network("style").name == "style.onnx"


def test_the_fp16_network_runs_on_the_cpu_backend_as_the_fp32_one_does(tiny_half_bundle: Path) -> None:
    backend = open_backend("cpu", threads=1)
    mean, std = open_bundle(tiny_half_bundle).manifest.styles["noise"].arrays()
    frame = np.random.default_rng(1).integers(0, 256, (1, 37, 51, 3), dtype=np.uint8)
    inputs = {"frame": frame, "mean": mean, "std": std, "strength": scalar(1), "preserve_color": scalar(0)}
    found = [
        backend.load(tiny_half_bundle / name)(**{key: backend.upload(value) for key, value in inputs.items()})
        for name in ("stylize.onnx", "stylize.fp16.onnx")
    ]
    single, half = (outputs["stylized"].numpy().astype(int) for outputs in found)
    assert single.shape == half.shape == (1, 37, 51, 3)
    assert np.abs(single - half).max() <= 2


def emulation_error(network: "Exportable", precision: str) -> tuple[float, float]:
    """PSNR of the emulated rounding, and of PyTorch's own half-precision arithmetic, against FP32."""
    runs = {"emulated": rounded(network, precision), "true": reduced(network, precision)}
    found = [
        measure_runs(network, {name: lambda case, graph=graph: run_eager(graph, case)}, allowed=NO_THRESHOLD).psnr_db
        for name, graph in runs.items()
    ]
    return found[0], found[1]


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_the_emulated_rounding_costs_what_true_half_arithmetic_costs(tiny_networks: Networks, precision: str) -> None:
    emulated, true = emulation_error(stylize_network(tiny_networks, []), precision)
    assert emulated == pytest.approx(true, abs=0.5)  # dB


def test_the_lightweight_network_can_be_reduced_too() -> None:
    torch.manual_seed(0)
    networks = Networks(
        architecture=ARCHITECTURES["lite"], encoder=lite.Encoder().eval(), decoder=lite.Decoder().eval()
    )
    network = stylize_network(networks, [])
    half = reduced(network, "fp16")
    kinds = {parameter.dtype for parameter in half.graph.parameters()}
    assert kinds == {torch.float16}
    assert {parameter.dtype for parameter in network.graph.parameters()} == {torch.float32}  # left as it was
    assert emulation_error(network, "fp16")[0] > 55


def test_values_past_the_range_of_fp16_are_found_although_the_cpu_would_not_overflow(
    tiny_networks: Networks, tiny_half_bundle: Path
) -> None:
    """ONNX Runtime computes FP16 in FP32 on a CPU, where 70,000 is no infinity: the emulation finds it."""
    encoder = tiny_networks.architecture.encoder()
    encoder.load_state_dict(tiny_networks.encoder.state_dict())
    with torch.no_grad():
        encoder[0].weight.mul_(60_000)
        encoder[0].bias.mul_(60_000)
    networks = dataclasses.replace(tiny_networks, encoder=encoder)
    with pytest.raises(AccuracyError, match="NaN or infinity"):
        measure_reduced(stylize_network(networks, []), "fp16", tiny_half_bundle / "stylize.fp16.onnx")


def test_a_half_network_of_other_weights_is_refused(tiny_networks: Networks, tiny_half_bundle: Path) -> None:
    decoder = tiny_networks.architecture.decoder()
    decoder.load_state_dict(tiny_networks.decoder.state_dict())
    with torch.no_grad():
        decoder[0].weight *= 1.1
    network = stylize_network(dataclasses.replace(tiny_networks, decoder=decoder), [])
    with pytest.raises(AccuracyError, match=r"stylize\.fp16\.onnx is too far"):
        measure_reduced(network, "fp16", tiny_half_bundle / "stylize.fp16.onnx")


def test_fp16_would_not_pass_as_fp32(tiny_networks: Networks, tiny_half_bundle: Path) -> None:
    network = stylize_network(tiny_networks, [])
    with pytest.raises(AccuracyError):
        measure(network, tiny_half_bundle / "stylize.fp16.onnx")
    found = measure_runs(
        network, {"fp16": run_onnx(network, tiny_half_bundle / "stylize.fp16.onnx")}, allowed=NO_THRESHOLD
    )
    assert found.psnr_db < 75


def test_a_network_without_reducible_parts_says_so(tiny_networks: Networks) -> None:
    for change in (reduced, rounded):
        with pytest.raises(ValueError, match="style has no part"):
            change(style_network(tiny_networks, []), "fp16")
