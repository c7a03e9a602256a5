"""The first run of an engine on a GPU compares it with its network, once, and says what it found in the manifest."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stand_in_engine import NAME, StandIn
from tsn.runtime import transfer
from tsn.runtime.bundle.folder import open_bundle, sha256
from tsn.runtime.bundle.interfaces import NETWORKS
from tsn.runtime.bundle.manifest import MANIFEST, Engine
from tsn.runtime.errors import AccuracyError
from tsn.runtime.geometry import Size
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.verification.engines import compare_engine, verified_bundle
from tsn.runtime.verification.reference import Call, called, reference_calls

Run = Callable[..., Any]
PLANS = {
    "style": "style.plan",
    "stylize": "engine.plan",
    "anchor": "anchor.plan",
    "carry": "carry.plan",
    "nv12": "nv12.plan",
    "p010": "p010.plan",
    "blend": "blend.plan",
}


@pytest.fixture
def engines(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle with an engine of every network, for frames of 64x48, that no GPU has run: the ONNX files."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "starry")
    manifest = open_bundle(folder).manifest
    networks = dict(manifest.networks)
    for name, network in manifest.networks.items():
        shutil.copyfile(folder / network.file, folder / PLANS[name])
        size = "64x48"
        engine = Engine(
            file=PLANS[name], sha256=sha256(folder / PLANS[name]), library=NAME, version="11.4.0",
            compute_capabilities=("8.9",), gpu=None, precision="fp32", onnx_sha256=network.sha256, minimum=size,
            optimum=size, maximum=size, verified=None,
        )  # fmt: skip
        networks[name] = network.model_copy(update={"engine": engine})
    (folder / MANIFEST).write_text(manifest.model_copy(update={"networks": networks}).document())
    return folder


def verified(folder: Path) -> dict[str, Any]:
    networks = json.loads((folder / MANIFEST).read_text())["networks"]
    return {name: network["engine"]["verified"] for name, network in networks.items()}


def test_the_first_run_says_so_and_the_second_does_not_compare_again(
    run: Run, engines: Path, write_video: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn()
    monkeypatch.setattr(transfer, "open_backend", lambda name, *, threads: stand_in)
    clip = write_video(tmp_path / "in.mp4")
    first = run(engines / "engine.plan", clip, "--style", "stripes", "--temporal", "--threads", 1)
    assert first.code == 0, first.err
    assert "engine.plan has not run on a GPU yet: it is compared with stylize.onnx on the CPU, this once" in first.err
    for accuracy in verified(engines).values():
        assert accuracy["psnr_db"] == 200
        assert accuracy["frames"] >= 1
    stand_in.loaded.clear()
    second = run(engines / "engine.plan", clip, "--style", "stripes", "--temporal", "--overwrite")
    assert second.code == 0, second.err
    assert "compared" not in second.err
    assert sorted(stand_in.loaded) == ["anchor.plan", "blend.plan", "carry.plan", "engine.plan"]


@pytest.mark.parametrize("name", list(PLANS))
def test_an_engine_that_gives_something_else_is_refused_each_time(engines: Path, name: str) -> None:
    before = (engines / MANIFEST).read_bytes()
    for _ in range(2):
        with pytest.raises(AccuracyError, match=rf"{PLANS[name]} is too far .*: PSNR .* tsn-export --from .* --engine"):
            verified_bundle(open_bundle(engines).named(engines, NAME), StandIn(spoilt=PLANS[name], by=4), threads=1)
    assert (engines / MANIFEST).read_bytes() == before


def test_the_run_of_such_an_engine_ends_with_its_exit_code_and_no_output(
    run: Run, engines: Path, write_video: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "open_backend", lambda name, *, threads: StandIn(spoilt="engine.plan", by=4))
    ended = run(engines / "engine.plan", write_video(tmp_path / "in.mp4"), "--style", "stripes", "--threads", 1)
    assert ended.code == 8
    assert "stylized: PSNR" in ended.err
    assert not (tmp_path / "in_stripes.mp4").exists()


def test_a_bundle_that_cannot_be_written_is_no_error(engines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tsn.runtime.errors import OutputError
    from tsn.runtime.verification import engines as verification

    def refuse(path: Path, *, overwrite: bool) -> None:
        raise OutputError(f"the folder {path.parent} cannot be written to")

    monkeypatch.setattr(verification, "whole_file", refuse)
    before = (engines / MANIFEST).read_bytes()
    bundle = verified_bundle(open_bundle(engines).named(engines, NAME), StandIn(), threads=1)
    assert bundle.network("stylize").name == "engine.plan"
    assert (engines / MANIFEST).read_bytes() == before


def test_what_was_written_into_the_manifest_meanwhile_stays(engines: Path) -> None:
    bundle = open_bundle(engines).named(engines, NAME)
    document = json.loads((engines / MANIFEST).read_text())
    document["name"] = "renamed"
    document["networks"]["style"]["engine"]["sha256"] = "0" * 64  # another engine than the one that is compared
    (engines / MANIFEST).write_text(json.dumps(document))
    verified_bundle(bundle, StandIn(), threads=1)
    assert json.loads((engines / MANIFEST).read_text())["name"] == "renamed"
    assert verified(engines)["stylize"]["psnr_db"] == 200
    assert verified(engines)["style"] is None


def test_an_engine_kept_in_spite_of_its_distance_is_named_at_each_run(
    run: Run, engines: Path, write_video: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads((engines / MANIFEST).read_text())
    for network in document["networks"].values():
        network["engine"]["verified"] = {"psnr_db": 30, "worst_level": 40, "quantile_999_level": 9, "frames": 2}
    document["networks"]["stylize"]["engine"]["inaccurate"] = True
    (engines / MANIFEST).write_text(json.dumps(document))
    monkeypatch.setattr(transfer, "open_backend", lambda name, *, threads: StandIn(spoilt="engine.plan", by=40))
    ended = run(engines / "engine.plan", write_video(tmp_path / "in.mp4"), "--style", "stripes")
    assert ended.code == 0, ended.err
    assert "engine.plan is inaccurate: PSNR 30.0 dB, worst 40.0 levels from stylize.onnx" in ended.err
    assert "style.plan is inaccurate" not in ended.err


def test_a_scene_gives_each_network_what_a_run_gives_it(tiny_bundle: Path) -> None:
    bundle, frame = open_bundle(tiny_bundle), drawn_frame(Size(64, 48), seed=0)
    calls = reference_calls(bundle, frame, threads=1)
    counts = {"style": 1, "stylize": 2, "anchor": 1, "carry": 1, "blend": 2, "nv12": 1, "p010": 1}
    assert {name: len(found) for name, found in calls.items()} == counts
    for name, found in calls.items():
        inputs, outputs = ({tensor.name for tensor in side} for side in (NETWORKS[name].inputs, NETWORKS[name].outputs))
        assert all((set(call.inputs), set(call.outputs)) == (inputs, outputs) for call in found)
    np.testing.assert_array_equal(calls["stylize"][0].inputs["frame"][0], frame)
    assert calls["blend"][0].outputs["coverage"][0] > 0.5  # the anchor is that of the same scene
    assert [float(call.inputs["share"][0]) for call in calls["blend"]] == [1, 0.5]


def engine(folder: Path, **changes: object) -> Engine:
    found = open_bundle(folder).manifest.networks["stylize"].engine
    assert found is not None
    return found.model_copy(update=changes)


@pytest.mark.parametrize(
    ("precision", "by", "far"), [("fp32", 0, False), ("fp32", 2, True), ("fp16", 1, True), ("bf16", 1, False)]
)
def test_how_far_an_engine_may_lie_depends_on_its_precision(
    engines: Path, precision: str, by: float, far: bool
) -> None:
    calls = reference_calls(open_bundle(engines), drawn_frame(Size(64, 48), seed=0), threads=1)["stylize"]
    backend = StandIn(spoilt="engine.plan", by=by)
    session = backend.load(engines / "engine.plan")
    verdict = compare_engine(
        "stylize", engine(engines, precision=precision), lambda inputs: called(session, inputs, backend), calls
    )
    assert (verdict.complaint is not None) is far
    assert verdict.accuracy.frames == 2


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_engine_that_gives_no_numbers_is_never_kept(engines: Path, value: float) -> None:
    picture = np.zeros((1, 3, 4, 4), np.float32)
    call = Call(inputs={}, outputs={"styled": picture})
    with pytest.raises(AccuracyError, match="NaN or infinity"):
        compare_engine("stylize", engine(engines), lambda inputs: {"styled": picture + np.float32(value)}, [call])
    with pytest.raises(AccuracyError, match=r"shape \(1, 3, 4, 2\), its network \(1, 3, 4, 4\)"):
        compare_engine("stylize", engine(engines), lambda inputs: {"styled": picture[..., :2]}, [call])
