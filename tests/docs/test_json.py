"""The page of the JSON documents names every key that the commands print, and no other."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

torch = pytest.importorskip("torch")

from tests.commands import runner
from tests.docs.errors import kinds
from tests.docs.pages import CODE, REFERENCE, tables
from tests.runtime.conftest import draw, write_media
from tsn.benchmarks.quality import cli as evaluate_cli
from tsn.benchmarks.quality.evaluate import MEASURES
from tsn.benchmarks.throughput import cli as bench_cli
from tsn.benchmarks.throughput.results import Percentiles, Rate, Results, StageTime
from tsn.export import bundle_writer
from tsn.export import cli as export_cli
from tsn.export.networks.exportable import Exportable
from tsn.runtime import cli as run_cli
from tsn.runtime.bundle.manifest import Manifest
from tsn.train.networks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

TABLES = tables((REFERENCE / "json.md").read_text(encoding="utf-8"))
NAMED_BLOCKS = {Rate: "RATE", Percentiles: "TIMES", StageTime: "TIMES"}
BLOCK_KEYS = {key for model in NAMED_BLOCKS for key in model.model_fields}


def keys_of(section: str, *, header: str = "key") -> set[str]:
    """Return the keys that the table of a section names."""
    chosen = [table for table in TABLES if table.section == section and table.header[0] == header]
    return {key for table in chosen for row in table.rows for key in CODE.findall(row[0])}


def keys_in(value: Any, *, named_by_users: frozenset[str], place: str = "") -> Iterator[str]:
    """Yield the keys of a document as the page writes them."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            shown = "*" if place in named_by_users else key
            yield from keys_in(inner, named_by_users=named_by_users, place=f"{place}.{shown}" if place else shown)
    elif isinstance(value, list):
        for inner in value or [None]:
            yield from keys_in(inner, named_by_users=named_by_users, place=f"{place}[]")
    else:
        yield place


def keys_of_model(kind: Any, place: str = "") -> Iterator[str]:
    """Yield the keys of a model's documents as the page writes them; RATE and TIMES have tables of their own."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is tuple:
        yield from keys_of_model(get_args(kind)[0], f"{place}[]")
    elif get_origin(kind) is Mapping:
        yield from keys_of_model(get_args(kind)[1], f"{place}.*")
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in NAMED_BLOCKS:
        for key, field in kind.model_fields.items():
            yield from keys_of_model(field.annotation, f"{place}.{key}" if place else key)
    else:
        yield place


def test_tsn_run(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    film = write_media(Path("in.mov"), frames=[draw(0)] * 4 + [255 - draw(1)] * 4, audio=["pcm_s16le"])
    words = ("lite", film, "-s", "mosaic", "--temporal", "--json", "-o", "out.mp4")
    document = json.loads(runner(capfd, run_cli.main, "tsn-run")(*words).out)
    assert document["notes"]  # on the sound, which MP4 cannot hold
    assert set(keys_in(document, named_by_users=frozenset({"styles"}))) == keys_of("tsn-run")


def test_tsn_run_of_a_folder_leaves_out_what_pictures_do_not_have(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for name in ("one", "two"):
        Image.fromarray(draw(0)).save(f"photos/{name}.png")
    document = json.loads(runner(capfd, run_cli.main, "tsn-run")("lite", "photos", "-s", "mosaic", "--json").out)
    assert {key for key, value in document.items() if value is None} == {
        "decoder",
        "encoder",
        "input_size",
        "output_size",
        "work_size",
    }
    assert document["kind"] == "folder"


def test_an_error_is_a_document_too(capfd: pytest.CaptureFixture[str]) -> None:
    ended = runner(capfd, run_cli.main, "tsn-run")("lite", "missing.mp4", "-s", "mosaic", "--json")
    document = json.loads(ended.out)
    assert set(keys_in(document, named_by_users=frozenset())) == keys_of("Errors")
    assert document["error"]["exit_code"] == ended.code


def test_every_kind_of_error_is_named() -> None:
    (table,) = [table for table in TABLES if table.section == "Errors"]
    stated = {name.strip('"') for key, said in table.rows if key == "`error.kind`" for name in CODE.findall(said)}
    assert stated == {kind.kind for kind in kinds()} | {"stopped", "terminated", "bug"}


def test_tsn_doctor(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path))
    document = json.loads(runner(capfd, run_cli.doctor_main, "tsn-doctor")("--json").out)
    assert set(keys_in(document, named_by_users=frozenset({"versions"}))) == keys_of("tsn-doctor")


def test_tsn_export(
    tiny_networks: "Networks",
    tiny_bundle: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def copy(network: Exportable, path: Path) -> None:  # the tiny networks are exported already: seconds of tracing
        shutil.copyfile(tiny_bundle / path.name, path)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(ARCHITECTURES, "tiny", tiny_networks.architecture)  # type: ignore[arg-type]
    monkeypatch.setattr(bundle_writer, "write_onnx", copy)
    halves = {"encoder": tiny_networks.encoder.state_dict(), "decoder": tiny_networks.decoder.state_dict()}
    torch.save({"format": "tsn-checkpoint", "version": 1, "architecture": "tiny", "model": halves}, "last.pth")
    Image.fromarray(draw(0)).save("waves.png")
    words = ("last.pth", "--style", "waves=waves.png", "-o", "waves", "--json", "--quiet")
    document = json.loads(runner(capfd, export_cli.main, "tsn-export")(*words).out)
    assert isinstance(document["styles"], list)
    beside = {f"{key}[]" if isinstance(document[key], list) else key for key in document.keys() - _manifest_keys()}
    assert beside | {"styles[]"} == keys_of("tsn-export")
    assert document.keys() >= _manifest_keys()


def _manifest_keys() -> set[str]:
    return set(Manifest.model_fields)


def test_tsn_evaluate(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("content", "styled"):
        Path(folder).mkdir()
        for number in range(11):
            Image.fromarray(draw(number)).save(f"{folder}/{number:02}.png")
    truth = np.zeros((48, 64, 2), "<f4")
    Path("truth.flo").write_bytes(b"PIEH" + np.array((64, 48), "<i4").tobytes() + truth.tobytes())
    words = ("content", "styled", "--flow-truth", "truth.flo", "--json")
    document = json.loads(runner(capfd, evaluate_cli.main, "tsn-evaluate")(*words).out)
    measures = keys_of("tsn-evaluate", header="MEASURE")
    assert measures == set(MEASURES)
    shown = keys_of("tsn-evaluate")
    stated = {key.replace("MEASURE", measure) for key in shown for measure in measures}
    assert set(keys_in(document, named_by_users=frozenset())) == stated


def test_tsn_bench_prints_no_key_that_is_not_there(capfd: pytest.CaptureFixture[str]) -> None:
    words = ["--bundle", "lite", "--sizes", "64x48", "--rows", "onnxruntime-cpu", "--frames", "2", "--repeats", "1"]
    ended = runner(capfd, bench_cli.main, "tsn-bench")(*words, "--turn-seconds", "0.1", "--quiet", "--json")
    named_by_users = frozenset({"environment.versions", "bundles[].networks", "measurements[].stages"})
    document = json.loads(ended.out)
    printed = set(keys_in(document, named_by_users=named_by_users))
    assert document["measurements"]
    assert {re.sub(rf"\.({'|'.join(BLOCK_KEYS)})(\[\])?$", "", key) for key in printed} - _stated_of_bench() == set()


def test_every_key_of_the_results_is_there() -> None:
    assert set(keys_of_model(Results)) == keys_of("tsn-bench")
    for model, block in NAMED_BLOCKS.items():
        assert {key.removesuffix("[]") for key in keys_of("tsn-bench", header=block)} == set(model.model_fields)


def _stated_of_bench() -> set[str]:
    """Return the keys of the page, those in which a null or an empty list may stand for others too."""
    stated = keys_of("tsn-bench")
    return {key[: place.end()] for key in stated for place in re.finditer(r"\w+(\[\])?(?=\.|$)", key)} | stated
