"""A bundle that is incomplete, changed, foreign or too new is told apart, and never half used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle import FORMAT, MANIFEST, open_bundle
from tsn.runtime.errors import BundleError


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads((bundle / MANIFEST).read_text())
    change(document)
    (bundle / MANIFEST).write_text(json.dumps(document))


def test_a_bundle_is_found_by_its_folder_and_by_any_file_in_it(bundle: Path) -> None:
    by_folder, by_file = open_bundle(bundle), open_bundle(bundle / "stylize.onnx")
    assert by_folder.folder == by_file.folder == bundle
    assert sorted(by_folder.manifest.styles) == ["noise", "stripes"]


def test_a_place_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="there is no bundle at nowhere"):
        open_bundle("nowhere")
    with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
        open_bundle(tmp_path)


def test_a_missing_network_is_named(bundle: Path) -> None:
    (bundle / "stylize.onnx").unlink()
    with pytest.raises(BundleError, match=r"lacks stylize\.onnx"):
        open_bundle(bundle).network("stylize")


def test_a_changed_network_is_refused(bundle: Path) -> None:
    path = bundle / "stylize.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match=r"not the file that was exported: sha256"):
        open_bundle(bundle).network("stylize")


def test_a_manifest_of_a_newer_version_says_to_update(bundle: Path) -> None:
    edit(bundle, lambda document: document.update(format=FORMAT + 1, something_new=True))
    with pytest.raises(BundleError, match="pip install --upgrade"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: document.update(colour="red"), "colour: Extra inputs"),
        (lambda document: document.pop("channels"), "channels: Field required"),
        (lambda document: document["networks"]["style"].update(file="../style.onnx"), "networks.style.file"),
        (lambda document: document["styles"]["noise"].update(mean=["x"]), "styles.noise.mean"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(bundle: Path, change: Callable[[Any], object], says: str) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=says):
        open_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe\x00"])
def test_a_manifest_that_is_none_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError):
        open_bundle(bundle)


def test_a_network_that_is_no_network_is_refused_by_the_backend(tmp_path: Path) -> None:
    (tmp_path / "stylize.onnx").write_bytes(b"not a network")
    with pytest.raises(BundleError, match="no network that ONNX Runtime can load"):
        open_backend("cpu").load(tmp_path / "stylize.onnx")
