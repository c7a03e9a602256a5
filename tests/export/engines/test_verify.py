"""Engines built on a GPU are compared with their networks there; a stand-in builds and runs them here."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytest.importorskip("onnx")

from tests.commands import exit_code
from tests.stand_in_engine import StandIn
from tsn.export import cli
from tsn.export.engines import job as engine_job
from tsn.export.engines.request import EngineRequest, Sizes
from tsn.export.engines.tensorrt import Builder
from tsn.export.engines.verify import EngineJudge
from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt_library import TrtLibrary
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import MANIFEST
from tsn.runtime.errors import UnavailableError
from tsn.runtime.geometry import Size

if TYPE_CHECKING:
    pass

L4 = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
STATIC = ("--engine", "--size", "80x64")


@pytest.fixture
def bundle(tiny_half_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_half_bundle, tmp_path / "starry")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, StandIn]:
    """A machine with a GPU and TensorRT 11.4; what is put in the result runs the engines, which are the ONNX files."""
    library = TrtLibrary(name="tensorrt", module=SimpleNamespace(__version__="11.4.0"), logger=None)
    running = {"backend": StandIn()}

    def open_builder(request: EngineRequest) -> Builder:
        return Builder(library=library, gpu=L4, compute_capabilities=("8.9",), request=request)

    monkeypatch.setattr(engine_job, "open_builder", open_builder)
    monkeypatch.setattr(engine_job, "build_engine", lambda file, *rest, **more: file.read_bytes())
    monkeypatch.setattr(engine_job, "open_backend", lambda name: running["backend"])
    return running


def run(*arguments: object) -> int:
    return exit_code(cli.main, "tsn-export", *arguments)


def engines(folder: Path) -> dict[str, Any]:
    networks = json.loads((folder / MANIFEST).read_text())["networks"]
    return {name: network["engine"] for name, network in networks.items()}


def test_what_was_found_is_in_the_manifest(
    bundle: Path, gpu: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--from", bundle, "--fp16", *STATIC) == 0
    error = capsys.readouterr().err
    assert "stylize: comparing the engine with the FP32 network on 2 frames" in error
    assert "WARNING" not in error
    found = engines(bundle)
    assert found["style"]["verified"]["psnr_db"] == 200
    assert 55 < found["stylize"]["verified"]["psnr_db"] < 200  # the FP16 file, which is not the FP32 one
    assert not any(engine["inaccurate"] for engine in found.values())


def test_an_engine_that_gives_something_else_is_not_installed(
    bundle: Path, gpu: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    gpu["backend"] = StandIn(spoilt="blend.plan", by=4)
    assert run("--from", bundle, *STATIC, "--quiet") == 8
    error = capsys.readouterr().err
    assert "the engine of blend is too far from its network: blended: PSNR" in error
    assert "--allow-inaccurate" in error
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


def test_it_is_installed_where_that_is_allowed_and_said_aloud(
    bundle: Path, gpu: dict[str, StandIn], capsys: pytest.CaptureFixture[str]
) -> None:
    gpu["backend"] = StandIn(spoilt="blend.plan", by=4)
    assert run("--from", bundle, *STATIC, "--allow-inaccurate", "--quiet") == 0
    assert "tsn-export: WARNING: blend.plan is inaccurate: PSNR" in capsys.readouterr().err
    found = engines(bundle)
    assert (found["blend"]["inaccurate"], found["stylize"]["inaccurate"]) == (True, False)
    assert found["blend"]["verified"]["worst_level"] >= 4
    assert (bundle / "blend.plan").is_file()


def test_real_pictures_are_compared_too(
    bundle: Path, gpu: dict[str, StandIn], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "real.png")
    assert run("--from", bundle, *STATIC, "--parity-frames", tmp_path / "real.png") == 0
    assert "stylize: comparing the engine with the FP32 network on 4 frames" in capsys.readouterr().err
    assert engines(bundle)["stylize"]["verified"]["frames"] == 4


def test_what_cannot_run_here_is_said_before_anything_is_built(
    bundle: Path, gpu: dict[str, StandIn], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lacking(name: str) -> StandIn:
        raise UnavailableError("pycuda is not installed. Run: python -m tsn.runtime.install_pycuda")

    def build(*rest: object, **more: object) -> bytes:
        raise AssertionError("built")

    monkeypatch.setattr(engine_job, "open_backend", lacking)
    monkeypatch.setattr(engine_job, "build_engine", build)
    assert run("--from", bundle, *STATIC) == 3
    assert "install_pycuda" in capsys.readouterr().err


def test_the_frames_have_sizes_that_the_engines_take(tiny_bundle: Path) -> None:
    picture = np.zeros((50, 700, 3), np.uint8)
    dynamic = Sizes.of(minimum=Size(64, 64), optimum=Size(160, 96), maximum=Size(256, 128))
    judge = EngineJudge(
        open_bundle(tiny_bundle), StandIn(), EngineRequest(library="tensorrt", sizes=dynamic), [picture]
    )
    shapes = {frame.shape[:2] for frame in judge._frames()}
    assert shapes == {(120, 213), (128, 97), (96, 160), (64, 256)}
    static = EngineRequest(library="tensorrt", sizes=Sizes.of(size=Size(80, 64)))
    judge = EngineJudge(open_bundle(tiny_bundle), StandIn(), static, [picture])
    assert [frame.shape for frame in judge._frames()] == [(64, 80, 3)] * 2  # one drawn, one real
