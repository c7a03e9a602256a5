"""A bundle gets its engines whole or not at all, and its manifest says what they were built for."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")

from tests.commands import exit_code
from tsn.export import cli
from tsn.export.engines import job as engine_job
from tsn.export.engines.tensorrt import build_engine
from tsn.runtime.bundle.folder import open_bundle, sha256
from tsn.runtime.errors import BundleError
from tsn.train.networks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

FOR_ADA = ("--engine", "--library", "tensorrt-rtx", "--compute-capability", "89")


@pytest.fixture
def bundle(tiny_half_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_half_bundle, tmp_path / "starry")


def run(*arguments: object) -> int:
    """The exit code of tsn-export with `arguments`."""
    return exit_code(cli.main, "tsn-export", *arguments)


def test_a_bundle_gets_an_engine_of_every_network(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = open_bundle(bundle).manifest
    assert run("--from", bundle, "--fp16", *FOR_ADA, "--size", "160x96", "--json") == 0
    output = capsys.readouterr()
    assert "stylize: building fp16 with TensorRT-RTX" in output.err
    assert json.loads(output.out)["networks"]["stylize"]["engine"]["file"] == "engine.plan"
    after = open_bundle(bundle).named(bundle, "tensorrt-rtx")
    stylize, style = after.manifest.networks["stylize"].engine, after.manifest.networks["style"].engine
    assert stylize is not None
    assert style is not None
    assert (stylize.file, stylize.precision, stylize.compute_capabilities, stylize.gpu) == (
        "engine.plan", "fp16", ("8.9",), None
    )  # fmt: skip
    assert (stylize.minimum, stylize.maximum) == ("160x96", "160x96")
    assert stylize.onnx_sha256 == sha256(bundle / "stylize.fp16.onnx")
    assert stylize.sha256 == sha256(after.network("stylize"))
    assert stylize.verified is None  # no GPU has run it
    assert (style.file, style.precision, style.minimum) == ("style.plan", "fp32", "32x32")
    assert after.manifest.model_copy(update={"networks": {}}) == before.model_copy(update={"networks": {}})
    same = ("anchor", "blend", "carry", "nv12", "p010", "style")
    plans = {"engine.plan", *(f"{name}.plan" for name in same)}
    onnx_files = {f"{name}.onnx" for name in (*same, "stylize", "stylize.fp16", "stylize.bf16")}
    assert {path.name for path in bundle.iterdir()} == {*plans, *onnx_files, "manifest.json"}


def export(
    networks: "Networks", traced: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: object
) -> int:
    """The exit code of tsn-export for a checkpoint of the tiny networks; their traced files are taken from `traced`."""
    from tsn.export import bundle_writer

    monkeypatch.setitem(ARCHITECTURES, "tiny", networks.architecture)  # type: ignore[arg-type]
    monkeypatch.setattr(bundle_writer, "write_onnx", lambda network, path: shutil.copyfile(traced / path.name, path))
    model = {"encoder": networks.encoder.state_dict(), "decoder": networks.decoder.state_dict()}
    content = {"format": "tsn-checkpoint", "version": 1, "architecture": "tiny", "model": model}
    torch.save(content, folder / "last.pth")
    return run(folder / "last.pth", *arguments)


def test_an_export_builds_its_engines_at_once(
    tiny_networks: "Networks", tiny_half_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--fp16", *FOR_ADA, "--size", "160x96", "-o", tmp_path / "starry", "--quiet")
    assert export(tiny_networks, tiny_half_bundle, tmp_path, monkeypatch, *arguments) == 0
    stylize = open_bundle(tmp_path / "starry").manifest.networks["stylize"]
    assert set(stylize.variants) == {"fp16"}
    assert stylize.engine is not None
    assert (stylize.engine.precision, stylize.engine.onnx_sha256) == ("fp16", stylize.variants["fp16"].sha256)
    assert open_bundle(tmp_path / "starry").checked(stylize.engine).name == "engine.plan"


def test_an_export_whose_engine_fails_leaves_no_bundle(
    tiny_networks: "Networks", tiny_half_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*rest: object, **more: object) -> bytes:
        raise BundleError("no")

    monkeypatch.setattr(engine_job, "build_engine", fail)
    arguments = (*FOR_ADA, "-o", tmp_path / "starry", "--quiet")
    assert export(tiny_networks, tiny_half_bundle, tmp_path, monkeypatch, *arguments) == 6
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]


@pytest.mark.parametrize("failure", [BundleError("no"), KeyboardInterrupt()])
def test_when_the_second_engine_fails_the_bundle_is_as_it_was(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    built: list[Path] = []

    def fail_at_the_second(file: Path, *rest: object, **more: object) -> bytes:
        built.append(file)
        if len(built) == 2:
            raise failure
        return build_engine(file, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(engine_job, "build_engine", fail_at_the_second)
    assert run("--from", bundle, *FOR_ADA, "--quiet") == (6 if isinstance(failure, BundleError) else 130)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before


def test_a_changed_network_is_not_built_from(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (bundle / "style.onnx").write_bytes(b"something else")
    assert run("--from", bundle, *FOR_ADA, "--quiet") == 6
    assert "style.onnx is not the file that was exported" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--fp16",), 2, "add --engine"),
        (("--size", "64x64"), 2, "these options are about engines: add --engine"),
        (("--engine", "-o", "there"), 2, "leave weights, styles, --name and -o out"),
        (("--engine", "--fp16", "--bf16"), 2, "not both"),
        (("--engine", "--size", "64x64", "--max-size", "99x99"), 2, "leave --min-size"),
        (("--engine", "--size", "wide"), 2, "'wide' is not a size"),
        (("--engine", "--compute-capability", "89"), 2, "leave --compute-capability out"),
        ((*FOR_ADA, "--size", "8x8"), 2, "the size 8x8 is too small: these networks take 9 pixels"),
        (("--engine", "--builder-level", "9"), 2, "--builder-level"),
        (("--engine", "--workspace", "0"), 2, "--workspace"),
        (("--engine", "--timing-cache", "x", "--no-timing-cache"), 2, "exclude each other"),
    ],
)
def test_a_mistake_gets_one_clear_line_and_changes_nothing(
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in bundle.iterdir()}
    assert run("--from", bundle, *arguments) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert {path.name: path.stat().st_mtime_ns for path in bundle.iterdir()} == before


def test_a_precision_that_the_bundle_does_not_hold_is_named(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(tiny_bundle, tmp_path / "plain")
    assert run("--from", folder, "--fp16", *FOR_ADA, "--quiet") == 2
    assert "holds no network in fp16" in capsys.readouterr().err
    assert not (folder / "engine.plan").exists()
