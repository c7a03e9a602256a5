"""Engines are built for real, by TensorRT-RTX without a GPU."""

import signal
import threading
from pathlib import Path

import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")

from tests.export.engines.conftest import HALF
from tsn.export.engines import tensorrt as engine_file
from tsn.export.engines.request import STYLE_SIZES, EngineRequest, Sizes
from tsn.export.engines.tensorrt import build_engine, open_builder, sized
from tsn.runtime.backends.driver import Driver, Gpu
from tsn.runtime.errors import BundleError, UnavailableError, UsageError
from tsn.runtime.geometry import Size

STATIC = Sizes.of(size=Size(160, 96))
DYNAMIC = Sizes.of(minimum=Size(64, 64), optimum=Size(160, 96), maximum=Size(256, 256))
PLAN = b"vtrt"  # what a plan begins with


def request(*, sizes: Sizes = STATIC, capabilities: tuple[str, ...] = ("8.9", "12.0"), **more: object) -> EngineRequest:
    return EngineRequest(library="tensorrt-rtx", sizes=sizes, compute_capabilities=capabilities, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [STATIC, DYNAMIC], ids=["static", "dynamic"])
@pytest.mark.parametrize("file", ["stylize.onnx", "stylize.fp16.onnx", "stylize.bf16.onnx"])
def test_the_stylizer_is_built_for_two_gpus(tiny_half_bundle: Path, file: str, sizes: Sizes) -> None:
    lines: list[str] = []
    plan = build_engine(tiny_half_bundle / file, open_builder(request(sizes=sizes)), sizes, log=lines.append)
    assert plan.startswith(PLAN)
    assert len(plan) > 100_000
    assert "building engine" in lines


def test_each_gpu_adds_to_the_plan(tiny_bundle: Path) -> None:
    one, two = (
        build_engine(tiny_bundle / "stylize.onnx", open_builder(request(capabilities=capabilities)), STATIC)
        for capabilities in (("8.9",), ("8.9", "12.0"))
    )
    assert one.startswith(PLAN)
    assert two.startswith(PLAN)
    assert one != two


def test_the_style_network_is_built_for_pictures_of_any_proportion(tiny_bundle: Path) -> None:
    plan = build_engine(tiny_bundle / "style.onnx", open_builder(request()), STYLE_SIZES)
    assert plan.startswith(PLAN)


@pytest.mark.parametrize("sizes", [STATIC, DYNAMIC], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", ["anchor", "carry", "blend", "nv12", "p010"])
def test_the_networks_without_weights_are_built_too(tiny_bundle: Path, sizes: Sizes, name: str) -> None:
    plan = build_engine(tiny_bundle / f"{name}.onnx", open_builder(request(sizes=sizes)), sizes)
    assert plan.startswith(PLAN)


@pytest.mark.parametrize("sizes", [STATIC, DYNAMIC], ids=["static", "dynamic"])
@pytest.mark.parametrize("file", ["features.onnx", "flow.onnx", "flow.fp16.onnx"])
def test_the_flow_and_its_features_are_built(half_flow: Path, file: str, sizes: Sizes) -> None:
    plan = build_engine(half_flow / file, open_builder(request(sizes=sizes)), sizes, scale=HALF)
    assert plan.startswith(PLAN)


def test_a_static_network_has_no_free_axis_and_a_dynamic_one_keeps_its_own(tiny_bundle: Path) -> None:
    def axes(sizes: Sizes) -> set[str]:
        model = sized(onnx.load(tiny_bundle / "stylize.onnx"), sizes)
        onnx.checker.check_model(model, full_check=True)
        every = (*model.graph.input, *model.graph.output)
        return {axis.dim_param for value in every for axis in value.type.tensor_type.shape.dim} - {""}

    assert axes(STATIC) == set()
    assert axes(DYNAMIC) == {"height", "width"}


def test_a_network_that_the_library_cannot_read_gives_its_own_words(tmp_path: Path, tiny_bundle: Path) -> None:
    model = onnx.load(tiny_bundle / "style.onnx")
    model.graph.node[3].op_type = "Conjure"
    onnx.save(model, tmp_path / "style.onnx")
    with pytest.raises(BundleError, match=r"TensorRT-RTX [\d.]+ cannot read style\.onnx: .*Conjure"):
        build_engine(tmp_path / "style.onnx", open_builder(request()), STYLE_SIZES)


@pytest.mark.posix
def test_ctrl_c_stops_the_build(tiny_bundle: Path) -> None:
    main = threading.main_thread().ident
    assert main is not None
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background a shell has it ignored

    def interrupt(line: str) -> None:  # called from the library's thread once it is at work
        signal.pthread_kill(main, signal.SIGINT)

    try:
        with pytest.raises(KeyboardInterrupt):
            build_engine(tiny_bundle / "stylize.onnx", open_builder(request()), STATIC, log=interrupt)
    finally:
        signal.signal(signal.SIGINT, handler)


def test_a_cancelled_build_ends_at_the_next_step(tiny_bundle: Path) -> None:
    cancelled, lines = threading.Event(), []

    def cancel(line: str) -> None:
        lines.append(line)
        cancelled.set()

    with pytest.raises(BundleError, match="was cancelled"):
        engine_file._build(tiny_bundle / "stylize.onnx", open_builder(request()), STATIC, HALF, cancel, cancelled)
    assert lines == ["building engine"]


def test_tensorrt_builds_for_no_other_gpu() -> None:
    with pytest.raises(UsageError, match="leave --compute-capability out"):
        open_builder(EngineRequest(library="tensorrt", sizes=STATIC, compute_capabilities=("8.9",)))


def test_a_gpu_that_the_library_does_not_know_is_named() -> None:
    with pytest.raises(UsageError, match=r"builds for 7\.5, .*, not for 9\.0.*--library tensorrt"):
        open_builder(request(capabilities=("9.0",)))


def test_without_a_gpu_it_says_how_to_build_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise UnavailableError("there is no NVIDIA driver here")

    monkeypatch.setattr(engine_file, "probe_driver", none)
    with pytest.raises(UnavailableError, match=r"no NVIDIA driver here.*--compute-capability 89,120"):
        open_builder(request(capabilities=()))


def put_in(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    monkeypatch.setattr(engine_file, "probe_driver", lambda: Driver(cuda="12.8", gpus=(gpu,)))


def test_with_a_gpu_it_builds_for_that(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
    put_in(monkeypatch, gpu)
    builder = open_builder(request(capabilities=()))
    assert (builder.gpu, builder.compute_capabilities) == (gpu, ("8.9",))


def test_a_gpu_that_is_here_but_unknown_to_the_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in(monkeypatch, Gpu(name="NVIDIA H200", compute_capability="9.0", memory=1))
    with pytest.raises(UnavailableError, match=r"not for NVIDIA H200 \(sm_90\)\. Use --library tensorrt"):
        open_builder(request(capabilities=()))


def test_too_little_memory_says_what_to_lower(tmp_path: Path) -> None:
    library = open_builder(request()).library
    library.messages.append("[defaultAllocator.cpp] Error Code 1: Cuda Runtime (out of memory)")
    with pytest.raises(UnavailableError, match=r"not enough GPU memory.*lower --workspace \(it is 4 GiB\)"):
        engine_file._made(None, library, "build", tmp_path / "stylize.onnx", memory=4 * 2**30)
