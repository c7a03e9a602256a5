"""What an engine does not fit is found in the manifest, and named with what to type next."""

import json
from pathlib import Path

import pytest

from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.engine_fit import engine_at, refuse_foreign, refuse_size
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import BundleError, InputError
from tsn.runtime.geometry import Size

H200 = Gpu(name="NVIDIA H200", compute_capability="9.0", memory=1)
ADA = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)


def test_an_engine_is_found_with_its_bundle(engine_bundle: Path) -> None:
    bundle, name, engine = engine_at(engine_bundle / "engine.plan")
    assert (bundle.folder, name, engine.library) == (engine_bundle, "stylize", "tensorrt-rtx")
    refuse_foreign(engine, engine_bundle / "engine.plan", library="tensorrt-rtx", version="1.7.1", gpu=ADA)


@pytest.mark.parametrize(
    ("library", "version", "gpu", "here"),
    [
        ("tensorrt-rtx", "1.7.1", H200, "this is NVIDIA H200 (sm_90) with TensorRT-RTX 1.7.1"),
        ("tensorrt-rtx", "1.6.1", ADA, "this is NVIDIA L4 (sm_89) with TensorRT-RTX 1.6.1"),
        ("tensorrt", "1.7.1", ADA, "this is NVIDIA L4 (sm_89) with TensorRT 1.7.1"),
    ],
)
def test_another_gpu_version_or_library_is_refused(
    engine_bundle: Path, library: str, version: str, gpu: Gpu, here: str
) -> None:
    path = engine_bundle / "engine.plan"
    _, _, engine = engine_at(path)
    with pytest.raises(BundleError) as refused:
        refuse_foreign(engine, path, library=library, version=version, gpu=gpu)  # type: ignore[arg-type]
    assert "was built for sm_89 and sm_120 with TensorRT-RTX 1.7.1" in str(refused.value)
    assert here in str(refused.value)
    assert f"tsn-export --from {engine_bundle} --engine --library {library}" in str(refused.value)


def test_a_plan_that_the_manifest_does_not_name_is_not_loaded(engine_bundle: Path) -> None:
    (engine_bundle / "downloaded.plan").write_bytes(b"native code of a stranger")
    with pytest.raises(BundleError, match=r"was not built by tsn-export and is not loaded"):
        engine_at(engine_bundle / "downloaded.plan")


def test_a_plan_on_its_own_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "engine.plan").write_bytes(b"plan")
    with pytest.raises(BundleError, match=r"has no manifest\.json beside it"):
        engine_at(tmp_path / "engine.plan")
    with pytest.raises(BundleError, match=r"there is no engine"):
        engine_at(tmp_path / "other.plan")


def test_a_truncated_plan_is_refused_by_its_checksum(engine_bundle: Path) -> None:
    path = engine_bundle / "engine.plan"
    path.write_bytes(path.read_bytes()[:-3])
    bundle = open_bundle(path).named(path, "tensorrt-rtx")
    with pytest.raises(BundleError, match=r"engine\.plan is not the file that was exported: sha256"):
        bundle.network("stylize")


def test_a_bundle_without_the_engine_that_is_asked_for_says_how_to_build_it(engine_bundle: Path) -> None:
    bundle = open_bundle(engine_bundle).named(engine_bundle, "tensorrt-rtx")
    assert bundle.network("stylize").name == "engine.plan"
    with pytest.raises(BundleError, match=r"no engine of the network 'style'. Run: tsn-export --from .* --engine"):
        bundle.network("style")


def test_the_file_that_is_named_decides_the_library(engine_bundle: Path) -> None:
    bundle = open_bundle(engine_bundle)
    assert bundle.library_of(engine_bundle / "engine.plan") == "tensorrt-rtx"
    assert bundle.library_of(engine_bundle / "stylize.onnx") is None
    assert bundle.library_of(engine_bundle) is None


def test_a_size_that_a_static_engine_does_not_take_names_the_one_it_does(engine_bundle: Path) -> None:
    path = engine_bundle / "engine.plan"
    _, _, engine = engine_at(path)
    refuse_size(engine, path, Size(64, 48))
    with pytest.raises(InputError, match=r"takes frames of 64x48 only, these are 96x48") as refused:
        refuse_size(engine, path, Size(96, 48))
    assert "--size 64x48" in refused.value.cure
    assert refused.value.cure.endswith("--size 96x48")


@pytest.mark.parametrize(
    ("size", "command"),
    [
        (Size(200, 100), "--min-size 32x32 --opt-size 200x100 --max-size 200x100"),
        (Size(64, 16), "--min-size 32x16 --opt-size 64x16 --max-size 128x96"),
    ],
)
def test_a_size_out_of_the_range_of_an_engine_names_the_range_and_the_command_for_a_wider_one(
    engine_bundle: Path, size: Size, command: str
) -> None:
    path = engine_bundle / "engine.plan"
    _, _, engine = engine_at(path)
    engine = engine.model_copy(update={"minimum": "32x32", "optimum": "64x64", "maximum": "128x96"})
    for taken in (Size(32, 32), Size(128, 96), Size(33, 96)):
        refuse_size(engine, path, taken)
    with pytest.raises(InputError, match=r"takes frames from 32x32 to 128x96") as refused:
        refuse_size(engine, path, size)
    assert command in refused.value.cure


def test_the_manifest_says_that_no_gpu_has_run_the_engine(engine_bundle: Path) -> None:
    document = json.loads((engine_bundle / "manifest.json").read_text())
    assert document["networks"]["stylize"]["engine"]["verified"] is None
