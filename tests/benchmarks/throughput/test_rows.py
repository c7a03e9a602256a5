"""Rows and modes: which there are, what each needs, and why one cannot run."""

import hashlib
from pathlib import Path

import pytest

from tsn.benchmarks.throughput.rows import (
    MODES,
    ROWS,
    WeightFiles,
    choose_modes,
    choose_rows,
    given_weights,
    mode_obstacle,
    networks_of_frame,
    row_obstacle,
    weights_of,
)
from tsn.runtime.backends import BACKENDS
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import InputError, UsageError


def manifest(**sources: str) -> Manifest:
    return Manifest.model_construct(name="a", networks={}, sources=sources)  # all that is read here


def test_every_row_has_one_way_to_run_and_a_baseline_that_is_a_row() -> None:
    for name, row in ROWS.items():
        assert row.name == name
        assert (row.backend is None) != (row.torch is None)
        assert ROWS[row.baseline].device == row.device
        assert ROWS[row.baseline].torch == "eager"


def test_rows_are_chosen_by_name_once_each() -> None:
    assert [row.name for row in choose_rows("eager, onnxruntime-cpu,eager")] == ["eager", "onnxruntime-cpu"]
    assert len(choose_rows(None)) == len(ROWS)
    with pytest.raises(UsageError, match=r"there is no row 'caffe'\. Choose from: eager,"):
        choose_rows("caffe")
    assert choose_modes("temporal") == [MODES["temporal"]]


def test_a_row_that_cannot_run_says_why() -> None:
    def obstacle(name: str, *, quick: bool = False, named: bool = False, driver: bool = True) -> str | None:
        return row_obstacle(ROWS[name], quick=quick, named=named, driver=driver)

    for row in ROWS.values():
        if row.backend is not None and row.backend not in BACKENDS:
            assert obstacle(row.name) == f"this version of the runtime has no backend '{row.backend}'"
    assert obstacle("eager-cuda", driver=False) == "this machine has no NVIDIA driver"
    assert obstacle("eager-cuda") is None
    assert "--rows compile" in (obstacle("compile", quick=True) or "")
    assert obstacle("compile", quick=True, named=True) is None
    assert obstacle("onnxruntime-cpu", quick=True, driver=False) is None


def test_a_mode_runs_where_the_bundle_has_its_networks(tiny_bundle: Path) -> None:
    found = open_bundle(tiny_bundle).manifest
    assert mode_obstacle(MODES["frame-wise"], found) is None
    assert mode_obstacle(MODES["frame-wise"], manifest()) == "the bundle has no network 'stylize'"
    assert mode_obstacle(MODES["temporal"], found) is None
    only = found.model_copy(update={"networks": {"stylize": found.networks["stylize"]}})
    assert mode_obstacle(MODES["temporal"], only) == "the bundle has no network 'blend'"
    assert networks_of_frame(MODES["temporal"], found) == ("stylize", "blend")


def test_weights_are_matched_with_their_bundle_by_checksum(tmp_path: Path) -> None:
    encoder, decoder, other = (tmp_path / name for name in ("encoder.pth", "decoder.pth", "other.pth"))
    for path in (encoder, decoder, other):
        path.write_bytes(path.name.encode())
    digest = {path: hashlib.sha256(path.name.encode()).hexdigest() for path in (encoder, decoder, other)}
    mine = manifest(encoder=f"v.pth {digest[encoder]}", decoder=f"d.pth {digest[decoder]}")
    right = WeightFiles(encoder=encoder, decoder=decoder)
    assert weights_of(mine, [WeightFiles(checkpoint=other), right]) is right
    found = weights_of(mine, [WeightFiles(checkpoint=other)])
    assert isinstance(found, str)
    assert f"d.pth {digest[decoder][:12]}" in found
    assert "--decoder FILE" in str(weights_of(mine, []))


def test_weights_that_are_not_there_or_are_half_a_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        given_weights(checkpoints=[tmp_path / "gone.pth"], encoder=None, decoder=None)
    (tmp_path / "encoder.pth").touch()
    with pytest.raises(InputError, match="Give --decoder too"):
        given_weights(checkpoints=[], encoder=tmp_path / "encoder.pth", decoder=None)
