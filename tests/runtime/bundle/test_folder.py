"""A bundle that is incomplete, changed, foreign or too new is told apart, and never half used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import FORMAT, MANIFEST
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
    with pytest.raises(BundleError, match="Install a newer version"):
        open_bundle(bundle)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda document: document.update(colour="red"), "colour: Extra inputs"),
        (lambda document: document.pop("channels"), "channels: Field required"),
        (lambda document: document["networks"]["style"].update(file="../style.onnx"), "networks.style.file"),
        (lambda document: document["styles"]["noise"].update(mean=["x"]), "styles.noise.mean"),
        (lambda document: document["styles"]["noise"]["mean"].pop(), "'noise' has 7 means and 8 standard deviations"),
        (lambda document: document["styles"]["noise"]["mean"].__setitem__(0, 1e300), "styles.noise.mean.0: Input"),
        (lambda document: document["styles"]["noise"]["mean"].__setitem__(0, float("nan")), "a finite number"),
        (lambda document: document["styles"]["noise"]["std"].__setitem__(0, -0.5), "styles.noise.std.0: Input"),
        (lambda document: document.update(channels=9), "the networks take 9"),
        (lambda document: document.update(format=0), "format: Input"),
        (lambda document: document["networks"].pop("style"), "the network 'style' is missing"),
        (lambda document: document["networks"].pop("stylize"), "the network 'stylize' is missing"),
        (lambda document: document["networks"]["style"].update(minimum_side=-5), "networks.style.minimum_side"),
        (lambda document: document["networks"]["blend"]["inputs"].pop("share"), "the network 'blend' takes styled"),
        (lambda document: document["networks"]["style"]["outputs"].pop("std"), "gives mean, expected are image"),
    ],
)
def test_a_manifest_that_is_wrong_says_where(bundle: Path, change: Callable[[Any], object], says: str) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=says):
        open_bundle(bundle)


@pytest.mark.parametrize("other", ["style", "blend"])
def test_the_file_of_another_network_is_refused(
    bundle: Path, drawn: Callable[..., Any], run: Callable[..., Any], tmp_path: Path, other: str
) -> None:
    def exchange(document: dict[str, Any]) -> None:
        for key in ("file", "sha256"):
            document["networks"]["stylize"][key] = document["networks"][other][key]

    edit(bundle, exchange)
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    ended = run(bundle, tmp_path / "in.png", "--style", "noise")
    assert ended.code == 6
    assert f"{other}.onnx is another network" in ended.err
    assert "Traceback" not in ended.err


def test_a_network_for_styles_of_another_length_is_refused(
    bundle: Path, drawn: Callable[..., Any], run: Callable[..., Any], tmp_path: Path
) -> None:
    def shorten(document: dict[str, Any]) -> None:
        document["channels"] = 7
        for style in document["styles"].values():
            style["mean"].pop()
            style["std"].pop()

    edit(bundle, shorten)
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    ended = run(bundle, tmp_path / "in.png", "--style", "noise")
    assert ended.code == 6
    assert "stylize.onnx is not as its manifest says" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe\x00"])
def test_a_manifest_that_is_none_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / MANIFEST).write_bytes(content)
    with pytest.raises(BundleError):
        open_bundle(bundle)


def test_a_network_that_is_no_network_is_refused_by_the_backend(tmp_path: Path) -> None:
    (tmp_path / "stylize.onnx").write_bytes(b"not a network")
    with pytest.raises(BundleError, match="no network that ONNX Runtime can load"):
        open_backend("cpu").load(tmp_path / "stylize.onnx")
