"""Engines built and run on the GPU that is here. Needs one: `make test-gpu`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tsn.runtime.backends import Array, open_backend, scalar
from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.backends.trt_library import MODULES
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import MANIFEST, Library, library_named
from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.geometry import Size
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.verification.engines import verified_bundle
from tsn.runtime.verification.reference import reference_calls

if TYPE_CHECKING:
    from tsn.export.networks.exportable import Exportable

pytestmark = pytest.mark.gpu

LEAST_DB = {"fp32": 60, "fp16": 50}  # against the FP32 network on the CPU: of the rounded frames


@pytest.fixture(autouse=True, scope="session")  # before the bundles are made
def gpu() -> None:
    """Skips where there is no GPU, and fails there under TSN_REQUIRE_GPU=1."""
    try:
        probe_driver()
    except UnavailableError as error:
        if os.environ.get("TSN_REQUIRE_GPU") == "1":
            pytest.fail(f"TSN_REQUIRE_GPU=1, but {error}")
        pytest.skip(str(error))


def stylized(place: Path, device: str, frames: list[Array]) -> list[Array]:
    """The frames in the style `noise`, by the bundle's networks on a backend."""
    bundle = open_bundle(place).named(place, library_named(device))
    backend = open_backend(device)
    session = backend.load(bundle.network("stylize"))
    mean, std = (backend.upload(part) for part in bundle.manifest.styles["noise"].arrays())
    strength, preserve = backend.upload(scalar(1)), backend.upload(scalar(0))
    made = [
        session(frame=backend.upload(frame), mean=mean, std=std, strength=strength, preserve_color=preserve)[
            "stylized"
        ].numpy()
        for frame in frames
    ]
    assert list(backend.notes) == []  # an engine for one size runs as a CUDA graph from its second frame on
    return made


def refuse_distant(found: list[Array], expected: list[Array], precision: str) -> None:
    for one, other in zip(found, expected, strict=True):
        error = np.mean((one.astype(float) - other) ** 2)
        assert 10 * np.log10(255**2 / max(error, 1e-9)) > LEAST_DB[precision]


def drawn(sizes: list[Size]) -> list[Array]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (1, size.height, size.width, 3), dtype=np.uint8) for size in sizes]


def forget_what_was_found(folder: Path) -> None:
    """Make the engines of a bundle such as no GPU has run."""
    document = json.loads((folder / MANIFEST).read_text())
    for network in document["networks"].values():
        network["engine"]["verified"] = None
    (folder / MANIFEST).write_text(json.dumps(document))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_an_engine_gives_what_the_network_gives_on_the_cpu(
    tiny_half_bundle: Path, tmp_path: Path, name: Library, static: bool, precision: str
) -> None:
    if find_spec(MODULES[name]) is None:
        pytest.skip(f"{name} is not installed")
    from tsn.export.engines.job import add_engines
    from tsn.export.engines.request import EngineRequest, Sizes
    from tsn.export.engines.tensorrt import open_builder

    size = Size(160, 96)
    sizes = Sizes.of(size=size) if static else Sizes.of(minimum=Size(64, 64), optimum=size, maximum=Size(256, 256))
    request = EngineRequest(library=name, sizes=sizes, precision=precision)  # type: ignore[arg-type]
    try:
        open_builder(request)
    except UnavailableError as error:  # TensorRT-RTX knows no GPU of a data centre
        pytest.skip(str(error))
    folder = shutil.copytree(tiny_half_bundle, tmp_path / "bundle")
    for network in add_engines(folder, request).networks.values():
        assert network.engine is not None
        assert network.engine.verified is not None
        assert not network.engine.inaccurate
    forget_what_was_found(folder)
    found = verified_bundle(open_bundle(folder).named(folder, name), open_backend(name))  # as a first run does
    assert all(network.engine and network.engine.verified for network in found.manifest.networks.values())
    frames = drawn([size] * 3 if static else [size, Size(97, 131), size])
    refuse_distant(stylized(folder, name, frames), stylized(folder, "cpu", frames), precision)
    with pytest.raises(InputError, match="takes frames"):
        stylized(folder, name, drawn([Size(300, 96)]))


@pytest.mark.parametrize("name", ["tensorrt", "tensorrt-rtx"])
def test_a_second_judge_finds_engines_and_networks_alike(
    tiny_bundle: Path, half_flow: Path, half_flow_networks: "Sequence[Exportable]", tmp_path: Path, name: Library
) -> None:
    if find_spec(MODULES[name]) is None:
        pytest.skip(f"{name} is not installed")
    pytest.importorskip("polygraphy")
    from tests.export.engines.conftest import HALF
    from tsn.export.engines.request import EngineRequest, Sizes
    from tsn.export.engines.tensorrt import build_engine, open_builder

    size = Size(160, 96)
    sizes = Sizes.of(minimum=Size(64, 64), optimum=size, maximum=Size(256, 256))
    try:
        builder = open_builder(EngineRequest(library=name, sizes=sizes))
    except UnavailableError as error:  # TensorRT-RTX knows no GPU of a data centre
        pytest.skip(str(error))
    scenes = reference_calls(open_bundle(tiny_bundle), drawn_frame(size, seed=0))
    networks = [(tiny_bundle / f"{network}.onnx", calls[0].inputs, Fraction(1)) for network, calls in scenes.items()]
    networks += [(half_flow / f"{network.name}.onnx", network.cases[0], HALF) for network in half_flow_networks]
    for file, inputs, scale in networks:
        np.savez(tmp_path / "inputs.npz", **inputs)
        (tmp_path / "engine.plan").write_bytes(build_engine(file, builder, sizes, scale=scale))
        words = [file, tmp_path / "engine.plan", tmp_path / "inputs.npz", LEAST_DB["fp32"]]
        command = [sys.executable, str(Path(__file__).with_name("second_judge.py")), *map(str, words)]
        environment = os.environ | {"POLYGRAPHY_USE_TENSORRT_RTX": str(int(name == "tensorrt-rtx"))}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)
        assert ended.returncode == 0, f"{file.name}: {ended.stdout}{ended.stderr}"


@pytest.mark.parametrize(("file", "precision"), [("stylize.onnx", "fp32"), ("stylize.fp16.onnx", "fp16")])
def test_onnx_runtime_on_the_gpu_gives_what_it_gives_on_the_cpu(
    tiny_half_bundle: Path, file: str, precision: str
) -> None:
    frames = drawn([Size(160, 96), Size(97, 131)])
    found = stylized(tiny_half_bundle / file, "cuda", frames)
    refuse_distant(found, stylized(tiny_half_bundle, "cpu", frames), precision)
