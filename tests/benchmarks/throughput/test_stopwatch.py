"""Every moment of a frame belongs to exactly one stage."""

from pathlib import Path

import pytest

from tsn.benchmarks.throughput import stopwatch
from tsn.benchmarks.throughput.stopwatch import Stopwatch, names_of_files
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import Variant


def test_a_stage_within_a_stage_stops_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now)
    watch = Stopwatch()
    watch.start()
    now += 1
    with watch.stage("flow"):
        now += 2
        with watch.stage("upload"):
            now += 4
        now += 8
    now += 16
    assert watch.lap() == {"other": 17_000, "flow": 10_000, "upload": 4_000}
    now += 1
    assert watch.lap() == {"other": 1_000}


def test_every_file_of_a_bundle_belongs_to_its_network(tiny_bundle: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    stylize = manifest.networks["stylize"]
    assert stylize.accuracy is not None
    variant = Variant(file="stylize.fp16.onnx", sha256="0" * 64, opset=18, accuracy=stylize.accuracy)
    networks = {**manifest.networks, "stylize": stylize.model_copy(update={"variants": {"fp16": variant}})}
    names = names_of_files(manifest.model_copy(update={"networks": networks}))
    assert names["stylize.fp16.onnx"] == names["stylize.onnx"] == "stylize"
    assert names["blend.onnx"] == "blend"


def test_a_stage_that_fails_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now)
    watch = Stopwatch()

    def fail() -> None:
        nonlocal now
        with watch.stage("flow"):
            now += 1
            raise ValueError("no")

    watch.start()
    with pytest.raises(ValueError, match="no"):
        fail()
    now += 2
    assert watch.lap() == {"flow": 1_000, "other": 2_000}
