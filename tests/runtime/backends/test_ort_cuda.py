"""ONNX Runtime's CUDA backend where no GPU is needed."""

from pathlib import Path

import onnxruntime as ort
import pytest

from tsn.runtime.backends import open_backend
from tsn.runtime.backends.ort_cuda import PROVIDER, open_session, session_options
from tsn.runtime.errors import TsnError, UnavailableError


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_it_says_so() -> None:
    with pytest.raises(UnavailableError, match="no NVIDIA driver"):
        open_backend("cuda")


@pytest.mark.usefixtures("some_gpu")
def test_an_onnx_runtime_without_cuda_gives_the_pip_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(UnavailableError, match="pip install 'onnxruntime-gpu>="):
        open_backend("cuda")


@pytest.mark.skipif(PROVIDER in ort.get_available_providers(), reason="this ONNX Runtime may run on a GPU")
def test_a_session_that_would_run_on_the_cpu_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(TsnError, match="cannot run"):
        open_session(tiny_bundle / "stylize.onnx", {"height": 48, "width": 64})


@pytest.mark.parametrize("name", ["stylize", "style", "anchor", "carry", "blend", "nv12", "p010"])
def test_at_a_given_size_no_shape_is_left_to_compute(tiny_bundle: Path, tmp_path: Path, name: str) -> None:
    """ONNX Runtime would compute shapes on the CPU, and without a fallback to it refuse the network."""
    onnx = pytest.importorskip("onnx")
    options = session_options({"height": 48, "width": 64, "half_height": 24, "half_width": 32})
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "0")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(tmp_path / "folded.onnx")
    ort.InferenceSession(str(tiny_bundle / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
    kinds = {node.op_type for node in onnx.load(tmp_path / "folded.onnx").graph.node}
    of_frames = {"Concat", "Gather"} if name in ("anchor", "carry", "nv12", "p010") else set()  # planes, not lengths
    assert not kinds & {"Shape", "Gather", "ReduceProd", "Concat", "Range", "Size"} - of_frames
