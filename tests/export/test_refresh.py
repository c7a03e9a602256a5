"""A bundle of another version is refused with the command that mends it, and mended by it."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from tsn.export import bundle_writer
from tsn.export.cli import command
from tsn.export.networks.exportable import Exportable
from tsn.export.refresh import refresh_bundle
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import MANIFEST
from tsn.runtime.errors import BundleError, UsageError


@pytest.fixture
def old(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny bundle as one of before, whose anchors had no chroma; tracing is saved by copying."""

    def copy(network: Exportable, path: Path) -> None:
        shutil.copyfile(tiny_bundle / path.name, path)

    monkeypatch.setattr(bundle_writer, "write_onnx", copy)
    folder = shutil.copytree(tiny_bundle, tmp_path / "old")
    document = json.loads((folder / MANIFEST).read_text())
    for name, tensor in (("anchor", "anchor_chroma"), ("carry", "carried_chroma")):
        del document["networks"][name]["outputs"][tensor]
        (folder / f"{name}.onnx").write_bytes(b"of before")
        document["networks"][name]["sha256"] = bundle_writer.sha256(folder / f"{name}.onnx")
    (folder / MANIFEST).write_text(json.dumps(document))
    return folder


def test_a_bundle_of_before_is_refused_with_the_command_that_mends_it(old: Path) -> None:
    with pytest.raises(BundleError, match="a bundle of another version: the network 'anchor' takes") as refused:
        open_bundle(old)
    assert refused.value.cure == f"Run: tsn-export --from {old} --refresh"


def test_a_refreshed_bundle_is_as_one_exported_today(old: Path, tiny_bundle: Path) -> None:
    result = CliRunner().invoke(command, ["--from", str(old), "--refresh", "--quiet"], catch_exceptions=False)
    assert result.exit_code == 0
    assert open_bundle(old).manifest == open_bundle(tiny_bundle).manifest
    for name in ("anchor", "carry", "blend"):
        assert open_bundle(old).network(name).read_bytes() == open_bundle(tiny_bundle).network(name).read_bytes()


def test_styles_and_trained_networks_stay_as_they_are(old: Path) -> None:
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    styles = json.loads(before[MANIFEST])["styles"]
    refresh_bundle(old)
    after = {path.name: path.read_bytes() for path in old.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"anchor.onnx", "carry.onnx", MANIFEST}
    assert json.loads(after[MANIFEST])["styles"] == styles


def test_a_bundle_whose_trained_networks_are_of_another_version_too_is_left_as_it_was(old: Path) -> None:
    document = json.loads((old / MANIFEST).read_text())
    del document["networks"]["stylize"]["outputs"]["styled"]
    (old / MANIFEST).write_text(json.dumps(document))
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    with pytest.raises(BundleError, match="cannot be brought up to date: the network 'stylize' takes"):
        refresh_bundle(old)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before


def test_refresh_without_a_bundle_says_how_to_name_it() -> None:
    with pytest.raises(UsageError, match="name it with --from"):
        CliRunner().invoke(command, ["checkpoint.pth", "-o", "x", "--refresh"], catch_exceptions=False)
