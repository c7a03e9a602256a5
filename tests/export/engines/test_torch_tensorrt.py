"""The way by Torch-TensorRT, up to the library's door: a stand-in with its signature takes what it would be given."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from tests.commands import exit_code
from tsn.export import cli
from tsn.export.engines import torch_tensorrt as torch_engine
from tsn.export.engines.request import EngineRequest, Sizes
from tsn.export.engines.torch_tensorrt import build_torch_engine, open_torch_tensorrt
from tsn.export.networks.stylize import stylize_network
from tsn.export.onnx.parity import run_eager
from tsn.runtime.errors import BundleError, UnavailableError
from tsn.runtime.geometry import Size
from tsn.runtime.verification.drawn_frame import drawn_frame

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

SIZE = Size(80, 64)
REQUEST = EngineRequest(library="tensorrt", sizes=Sizes.of(size=SIZE), via="torch-tensorrt", builder_level=2)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the library is called with, in a PyTorch that seems to see a GPU; "failure" in it is raised."""
    calls: dict[str, Any] = {}

    def convert(  # the parameters that are used of torch_tensorrt 2.13, in dynamo/_compiler.py
        exported_program: Any,
        inputs: Any = None,
        *,
        arg_inputs: Any = None,
        disable_tf32: bool = False,
        workspace_size: int = 0,
        optimization_level: int | None = None,
        timing_cache_path: str = "",
    ) -> bytes:
        calls.update(program=exported_program, inputs=arg_inputs, tf32=not disable_tf32, level=optimization_level)
        if "failure" in calls:
            raise calls["failure"]
        return b"plan"

    module = ModuleType("torch_tensorrt")
    module.__dict__["dynamo"] = SimpleNamespace(convert_exported_program_to_serialized_trt_engine=convert)
    monkeypatch.setitem(sys.modules, "torch_tensorrt", module)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch_engine, "DEVICE", "cpu")
    return calls


@pytest.mark.parametrize(("precision", "most"), [("fp32", 0), ("fp16", 4)])
def test_the_program_is_the_network_for_one_size_in_its_precision(
    tiny_networks: "Networks", given: dict[str, Any], precision: Any, most: float
) -> None:
    network = stylize_network(tiny_networks, [])
    assert build_torch_engine(network, precision, SIZE, REQUEST) == b"plan"
    assert [tuple(tensor.shape) for tensor in given["inputs"]] == [(1, 64, 80, 3), (8,), (8,), (1,), (1,)]
    assert (given["tf32"], given["level"]) == (False, 2)
    names = [spec.arg.name for spec in given["program"].graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    assert names == list(network.inputs)  # which Torch-TensorRT gives to the engine's inputs
    halves = [node for node in given["program"].graph.nodes if getattr(node.meta.get("val"), "dtype", 0) == torch.half]
    assert bool(halves) is (precision == "fp16")
    case = {**network.cases[0], "frame": drawn_frame(SIZE, seed=0)[None]}
    styled, stylized = given["program"].module()(*(torch.from_numpy(np.array(case[name])) for name in network.inputs))
    expected = run_eager(network, case)
    assert np.abs(stylized.numpy().astype(float) - expected["stylized"]).max() <= most
    assert styled.shape == expected["styled"].shape


def test_what_it_cannot_convert_is_named_in_one_line(tiny_networks: "Networks", given: dict[str, Any]) -> None:
    given["failure"] = RuntimeError("Conversion of module not currently supported\nand a long graph")
    with pytest.raises(BundleError, match=r"^torch-tensorrt cannot build stylize: Conversion .* supported\. Leave"):
        build_torch_engine(stylize_network(tiny_networks, []), "fp32", SIZE, REQUEST)


def test_without_the_package_it_gives_the_pip_line_for_this_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_tensorrt", None)
    version = ".".join(torch.__version__.split(".")[:2])
    with pytest.raises(UnavailableError, match=rf"pip install 'torch-tensorrt=={version}\.\*'"):
        open_torch_tensorrt()


def test_a_pytorch_without_cuda_is_named(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match="needs a PyTorch that sees a GPU"):
        open_torch_tensorrt()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "starry", "--engine", "--size", "80x64"), "starts from the weights"),
        (("last.pth", "-o", "new", "--engine"), "give --size"),
        (("last.pth", "-o", "new", "--engine", "--size", "80x64", "--library", "tensorrt-rtx"), "no other --library"),
        (("last.pth", "-o", "new"), "add --engine"),
    ],
)
def test_options_that_do_not_fit_are_named(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(cli.main, "tsn-export", *arguments, "--via", "torch-tensorrt") == 2
    assert said in capsys.readouterr().err


def test_an_export_goes_that_way_for_the_stylizer_alone(
    tiny_networks: "Networks", tiny_half_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.stand_in_engine import StandIn
    from tsn.export import bundle_writer
    from tsn.export import job as export_job
    from tsn.export.engines import job as engine_job
    from tsn.export.engines.tensorrt import Builder
    from tsn.runtime.backends.driver import Gpu
    from tsn.runtime.backends.trt_library import TrtLibrary
    from tsn.runtime.bundle.folder import open_bundle

    library = TrtLibrary(name="tensorrt", module=SimpleNamespace(__version__="11.0.0"), logger=None)
    gpu = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
    built: list[str] = []

    def open_builder(request: EngineRequest) -> Builder:
        return Builder(library=library, gpu=gpu, compute_capabilities=("8.9",), request=request)

    def by_onnx(file: Path, *rest: object, **more: object) -> bytes:
        built.append(file.name)
        return file.read_bytes()

    def by_torch(network: Any, precision: str, size: Size, request: EngineRequest) -> bytes:
        built.append(f"{network.name} in {precision} for {size}")
        return (tiny_half_bundle / "stylize.fp16.onnx").read_bytes()

    monkeypatch.setattr(engine_job, "open_builder", open_builder)
    monkeypatch.setattr(engine_job, "open_torch_tensorrt", lambda: None)
    monkeypatch.setattr(export_job, "_networks", lambda request: tiny_networks)
    monkeypatch.setattr(engine_job, "build_engine", by_onnx)
    monkeypatch.setattr(engine_job, "build_torch_engine", by_torch)
    monkeypatch.setattr(engine_job, "open_backend", lambda name: StandIn())

    def copied(network: Any, path: Path) -> None:
        path.write_bytes((tiny_half_bundle / path.name).read_bytes())

    monkeypatch.setattr(bundle_writer, "write_onnx", copied)
    words = ("last.pth", "-o", tmp_path / "new", "--engine", "--fp16", "--size", "80x64", "--via", "torch-tensorrt")
    assert exit_code(cli.main, "tsn-export", *words) == 0
    by_way = {f"{name}.onnx" for name in ("anchor", "blend", "carry", "nv12", "p010", "style")}
    assert set(built) == {*by_way, "stylize in fp16 for 80x64"}
    engines = {name: network.engine for name, network in open_bundle(tmp_path / "new").manifest.networks.items()}
    assert {name: engine.via for name, engine in engines.items() if engine} == {
        "style": "onnx", "stylize": "torch-tensorrt", "anchor": "onnx", "carry": "onnx", "blend": "onnx",
        "nv12": "onnx", "p010": "onnx",
    }  # fmt: skip
    assert all(engine is not None and engine.verified is not None for engine in engines.values())
