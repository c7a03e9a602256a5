"""ONNX files: the opset, the names and the types that every backend can read."""

from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest

torch = pytest.importorskip("torch")

from tsn.export.networks.stylize import style_network
from tsn.export.onnx import file as onnx_file
from tsn.runtime.bundle.folder import open_bundle

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


@pytest.mark.parametrize("name", ["style", "stylize"])
def test_the_opset_is_one_that_tensorrt_reads_well(tiny_bundle: Path, name: str) -> None:
    model = onnx.load(tiny_bundle / f"{name}.onnx")
    assert onnx_file.opset_of(model) <= 19
    assert open_bundle(tiny_bundle).manifest.networks[name].opset == onnx_file.opset_of(model)
    assert {entry.domain for entry in model.opset_import} == {""}


def test_height_and_width_are_the_only_free_axes_and_the_outputs_name_them(tiny_bundle: Path) -> None:
    network = open_bundle(tiny_bundle).manifest.networks["stylize"]
    assert network.inputs["frame"].shape == (1, "height", "width", 3)
    assert network.inputs["mean"].shape == network.inputs["std"].shape == (8,)
    assert network.inputs["strength"].shape == network.inputs["preserve_color"].shape == (1,)
    assert network.outputs["styled"].shape == (1, 3, "height", "width")
    assert network.outputs["stylized"].shape == (1, "height", "width", 3)
    assert {spec.dtype for spec in network.inputs.values()} == {"uint8", "float32"}


@pytest.mark.parametrize(("name", "image", "result"), [("style", "image", None), ("stylize", "frame", "stylized")])
def test_nothing_but_casts_touches_uint8(tiny_bundle: Path, name: str, image: str, result: str | None) -> None:
    """TensorRT refuses any other operator on uint8."""
    graph = onnx.load(tiny_bundle / f"{name}.onnx").graph
    readers = {node.op_type for node in graph.node if image in node.input}
    assert readers <= {"Cast", "Shape"}
    if result is not None:
        assert [node.op_type for node in graph.node if result in node.output] == ["Cast"]


def test_the_weights_are_inside_the_file(tiny_bundle: Path) -> None:
    model = onnx.load(tiny_bundle / "stylize.onnx", load_external_data=False)
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in model.graph.initializer)


def test_no_path_of_the_exporting_machine_is_in_the_file(tiny_bundle: Path) -> None:
    for name in ("style", "stylize"):
        content = (tiny_bundle / f"{name}.onnx").read_bytes()
        assert str(Path(onnx_file.__file__).parent).encode() not in content
        assert b"site-packages" not in content


def test_an_opset_past_the_highest_is_refused(
    tiny_networks: "Networks", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnx_file, "HIGHEST_OPSET", onnx_file.OPSET - 1)
    with pytest.raises(RuntimeError, match="style came out at opset 18"):
        onnx_file.write_onnx(style_network(tiny_networks, []), tmp_path / "style.onnx")
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")  # the exporter's chatter stays off the terminal
