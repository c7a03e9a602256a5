"""Bundles are written whole or not at all."""

import errno
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from tsn.export import bundle_writer
from tsn.export.networks.exportable import Exportable
from tsn.export.networks.stylize import style_network, stylize_network
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import AccuracyError, OutputError

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


@pytest.fixture
def write(tiny_networks: "Networks", tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Manifest]:
    """A bundle of the tiny networks, the seconds of tracing saved by taking the files of the tiny bundle."""

    def copy(network: Exportable, path: Path) -> None:
        shutil.copyfile(tiny_bundle / path.name, path)

    monkeypatch.setattr(bundle_writer, "write_onnx", copy)

    def write(folder: Path, *, overwrite: bool = False, **options: object) -> Manifest:
        networks = [style_network(tiny_networks, []), stylize_network(tiny_networks, [])]
        picture = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
        options = {"name": "test", "styles": {"noise": picture}} | options
        with bundle_writer.new_bundle(folder, overwrite=overwrite) as unfinished:
            return bundle_writer.write_bundle(unfinished, tiny_networks, networks, **options)

    return write


def test_a_bundle_holds_networks_that_match_their_checksums_and_the_named_styles(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    names = ("style", "stylize", "anchor", "carry", "blend", "nv12", "p010")
    assert {bundle.network(name).name for name in names} == {f"{name}.onnx" for name in names}
    assert set(bundle.manifest.styles) == {"stripes", "noise"}
    assert {path.name for path in tiny_bundle.iterdir()} == {f"{name}.onnx" for name in names} | {"manifest.json"}
    assert bundle.manifest.architecture == "tiny"
    assert bundle.manifest.channels == 8
    assert bundle.manifest.networks["stylize"].minimum_side == 9


def test_what_is_returned_is_what_is_written(write: Callable[..., Manifest], tmp_path: Path) -> None:
    manifest = write(tmp_path / "bundle")
    assert open_bundle(tmp_path / "bundle").manifest == manifest


def test_another_encoder_may_encode_the_named_styles(
    write: Callable[..., Manifest], tiny_networks: "Networks", tmp_path: Path
) -> None:
    other = deepcopy(tiny_networks.encoder)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(0.5)
    own, others = (write(tmp_path / name, style_encoder=encoder) for name, encoder in (("own", None), ("other", other)))
    assert own.styles["noise"].mean != others.styles["noise"].mean


def test_a_named_style_equals_what_the_style_network_gives_for_its_picture(
    write: Callable[..., Manifest], tmp_path: Path
) -> None:
    picture = np.random.default_rng(5).integers(0, 256, (51, 77, 3), dtype=np.uint8)
    mean, std = write(tmp_path / "bundle", styles={"waves": picture}).styles["waves"].arrays()
    session = onnxruntime.InferenceSession(tmp_path / "bundle" / "style.onnx", providers=["CPUExecutionProvider"])
    expected_mean, expected_std = session.run(["mean", "std"], {"image": picture[None]})
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-4)
    np.testing.assert_allclose(std, expected_std, rtol=1e-4)


def test_an_encoder_that_gives_no_style_is_refused(tiny_networks: "Networks") -> None:
    networks = deepcopy(tiny_networks)
    networks.encoder[-2].weight.data *= 1e9
    with pytest.raises(AccuracyError, match="far beyond those of a trained one"):
        bundle_writer.encoded_style(
            networks.encoder, np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
        )


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (AccuracyError("too far"), AccuracyError),
        (OSError(errno.ENOSPC, "No space left on device"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_after_a_failure_at_the_last_network_there_is_nothing(
    write: Callable[..., Manifest],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException,
    seen: type[BaseException],
) -> None:
    true_measure = bundle_writer.measure

    def fail_at_the_second(network: Exportable, file: Path) -> object:
        if network.name == "stylize":
            assert file.is_file()  # there is something to leave behind
            raise failure
        return true_measure(network, file)

    monkeypatch.setattr(bundle_writer, "measure", fail_at_the_second)
    with pytest.raises(seen):
        write(tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_bundle_that_was_to_be_replaced(
    write: Callable[..., Manifest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write(tmp_path / "bundle", name="before")

    def fail(network: Exportable, file: Path) -> object:
        raise AccuracyError("too far")

    with monkeypatch.context() as patch:
        patch.setattr(bundle_writer, "measure", fail)
        with pytest.raises(AccuracyError):
            write(tmp_path / "bundle", overwrite=True)
    assert open_bundle(tmp_path / "bundle").manifest == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    write(tmp_path / "bundle", name="after", overwrite=True)
    assert open_bundle(tmp_path / "bundle").manifest.name == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_bundle_that_is_there_is_kept_unless_overwriting_is_asked_for(
    write: Callable[..., Manifest], tmp_path: Path
) -> None:
    write(tmp_path / "bundle")
    with pytest.raises(OutputError, match="exists already"):
        write(tmp_path / "bundle")


def test_each_step_is_reported(write: Callable[..., Manifest], tmp_path: Path) -> None:
    lines: list[str] = []
    write(tmp_path / "bundle", log=lines.append)
    assert [line.split(":")[0] for line in lines] == ["style", "style", "stylize", "stylize", "style noise"]
