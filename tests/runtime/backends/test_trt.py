"""The backends of TensorRT where no GPU is needed: what they refuse, and that they refuse it in time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tsn.runtime.backends import open_backend
from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt import TrtBackend
from tsn.runtime.backends.trt_library import TrtLibrary
from tsn.runtime.errors import BundleError, UnavailableError

ADA = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
H200 = Gpu(name="NVIDIA H200", compute_capability="9.0", memory=1)


class Device:
    """Stands for the GPU's context."""

    @contextmanager
    def current(self) -> Iterator[None]:
        yield


def backend(runtimes: list[str], *, gpu: Gpu) -> TrtBackend:
    """TensorRT-RTX 1.7.1 whose Runtime notes that it was made, and knows none of the plans that it is given."""
    messages: list[str] = []

    class Runtime:
        def __init__(self, logger: object) -> None:
            runtimes.append("made")

        def deserialize_cuda_engine(self, plan: bytes) -> None:
            messages.append("Error Code 6: magic tag does not match")

    module = SimpleNamespace(__version__="1.7.1", Runtime=Runtime)
    library = TrtLibrary(name="tensorrt-rtx", module=module, logger=None, messages=messages)
    return TrtBackend(library, gpu, Device())  # type: ignore[arg-type]


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_without_a_driver_there_is_an_error_and_no_crash(name: str) -> None:
    with pytest.raises(UnavailableError, match="no NVIDIA driver"):
        open_backend(name)


def test_a_plan_for_another_gpu_never_reaches_the_library(engine_bundle: Path) -> None:
    runtimes: list[str] = []
    with pytest.raises(BundleError, match=r"sm_89 and sm_120 with TensorRT-RTX 1\.7\.1; this is NVIDIA H200 \(sm_90\)"):
        backend(runtimes, gpu=H200).load(engine_bundle / "engine.plan")
    assert runtimes == []


def test_a_changed_plan_never_reaches_the_library(engine_bundle: Path) -> None:
    runtimes: list[str] = []
    (engine_bundle / "engine.plan").write_bytes(b"vtrt, but another")
    with pytest.raises(BundleError, match="sha256"):
        backend(runtimes, gpu=ADA).load(engine_bundle / "engine.plan")
    assert runtimes == []


def test_a_plan_that_the_library_refuses_gives_its_own_words_and_the_command(engine_bundle: Path) -> None:
    runtimes: list[str] = []
    with pytest.raises(BundleError, match=r"magic tag does not match.*tsn-export --from"):
        backend(runtimes, gpu=ADA).load(engine_bundle / "engine.plan")
    assert runtimes == ["made"]


@pytest.mark.usefixtures("no_driver")
def test_naming_an_engine_chooses_its_library_and_nothing_falls_back_to_the_cpu(
    run: Callable[..., Any], engine_bundle: Path, write_video: Callable[..., Path], tmp_path: Path
) -> None:
    clip = write_video(tmp_path / "in.mp4")
    ended = run(engine_bundle / "engine.plan", clip, "--style", "stripes")
    assert ended.code == 3
    assert "no NVIDIA driver" in ended.err
    assert not (tmp_path / "in_stripes.mp4").exists()
    on_the_cpu = run(engine_bundle / "engine.plan", clip, "--style", "stripes", "--backend", "cpu")
    assert on_the_cpu.code == 0, on_the_cpu.err
