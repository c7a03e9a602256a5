"""The networks alone: what runs beside a frame, what stages add up to, and how a stopwatch tells them apart."""

import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tsn.benchmarks.throughput import networks
from tsn.benchmarks.throughput.clip import prepare_clip
from tsn.benchmarks.throughput.networks import NetworksAlone, Stopwatch, names_of_files
from tsn.benchmarks.throughput.plan import parse_size
from tsn.benchmarks.throughput.rows import MODES
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import Variant
from tsn.runtime.frame import RGB, Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import stylize_video
from tsn.runtime.temporal.flow import Flow, OnHost
from tsn.runtime.transfer import VideoStyleTransfer

FRAMES = 20
DECODE, STYLIZE, BLEND, ENCODE = 0.005, 0.040, 0.010, 0.005  # seconds that a frame takes
CONCURRENCY = 2
SLACK = 0.25  # a sleep and a hand-over between threads take longer than they should, on a busy machine too


class Slow:
    """A source, a stylizer and a sink that take their time, and none of the processor's."""

    size = Size(8, 8)
    rate = Fraction(24)
    concurrency = CONCURRENCY

    def __iter__(self) -> Iterator[Frame]:
        for index in range(FRAMES):
            time.sleep(DECODE)
            yield Frame(
                pixels=FrameBuffer(np.zeros((8, 8, 3), np.uint8)), time=index / self.rate, duration=1 / self.rate
            )

    def ahead(self, pixels: FrameBuffer, previous: FrameBuffer | None) -> None:
        time.sleep(STYLIZE)

    def shown(self, pixels: FrameBuffer, made: None) -> RGB:
        time.sleep(BLEND)
        return pixels.rgb()

    def interrupt(self) -> None: ...

    def write(self, frame: Frame) -> None:
        time.sleep(ENCODE)

    def close(self) -> None: ...


def test_the_stages_of_a_video_account_for_its_wall_time() -> None:
    slow = Slow()
    stages = stylize_video(slow, slow, slow, progress=lambda done: None)
    busy = {"decode": DECODE, "stylize": STYLIZE / CONCURRENCY, "blend": BLEND, "encode": ENCODE}
    for name, seconds in busy.items():
        assert FRAMES * seconds <= getattr(stages, name) <= FRAMES * seconds * (1 + SLACK) + 0.05, name
    assert stages.stylize <= stages.wall  # the busiest stage is all of the time, but for its first and last frame
    assert stages.stylize >= stages.wall * (1 - SLACK)
    assert stages.decode + stages.stylize + stages.blend + stages.encode > stages.wall


def test_opencv_has_every_core_for_a_frame_alone_and_half_of_them_beside_the_stylizer(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def flow(current: RGB, previous: RGB) -> Flow:
        threads.append(cv2.getNumThreads())
        return np.zeros((*current.shape[:2], 2), np.float32)

    def flow_of(*_: Any) -> Any:
        return OnHost(flow)

    monkeypatch.setattr(networks, "usable_cores", lambda: 4)
    monkeypatch.setattr(networks, "open_flow", flow_of)
    clip, _ = prepare_clip(None, parse_size("64x48"), frames=3, folder=tmp_path)
    before = cv2.getNumThreads()
    try:
        alone = NetworksAlone(VideoStyleTransfer(tiny_bundle, threads=1), MODES["temporal"], clip=clip, style="stripes")
        turn = alone(3)
    finally:
        cv2.setNumThreads(before)
    assert threads == [4, 4, 2, 2]  # the first frame of each has none before it
    assert turn.pipelined_seconds


def test_a_stage_within_a_stage_stops_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(networks.time, "perf_counter", lambda: now)
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


def test_a_stage_that_fails_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(networks.time, "perf_counter", lambda: now)
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


def test_every_file_of_a_bundle_belongs_to_its_network(tiny_bundle: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    stylize = manifest.networks["stylize"]
    assert stylize.accuracy is not None
    variant = Variant(file="stylize.fp16.onnx", sha256="0" * 64, opset=18, accuracy=stylize.accuracy)
    with_variant = {**manifest.networks, "stylize": stylize.model_copy(update={"variants": {"fp16": variant}})}
    names = names_of_files(manifest.model_copy(update={"networks": with_variant}))
    assert names["stylize.fp16.onnx"] == names["stylize.onnx"] == "stylize"
    assert names["blend.onnx"] == "blend"
