"""Turns and what is made of them, on recorded times."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tsn.benchmarks.throughput import turns
from tsn.benchmarks.throughput.modes import MODES
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.results import Input, Limit, Measurement, Media, NotRun
from tsn.benchmarks.throughput.rows import ROWS
from tsn.benchmarks.throughput.spread import percentiles, pooled, rate, ratio
from tsn.benchmarks.throughput.summary import Setting, length_rates, limit_share, measurements
from tsn.benchmarks.throughput.task import Turn
from tsn.benchmarks.throughput.turns import Lane, frames_of_turn, rotated
from tsn.benchmarks.throughput.weights import WeightFiles
from tsn.export.onnx.multiply_adds import Work
from tsn.runtime.bundle.folder import open_bundle

CLIP = Input(size="a", width=10, height=10, frames=4, source="drawn", source_sha256=None, sha256="0" * 64)
SETTING = Setting(
    bundle="b",
    clip=CLIP,
    work={"frame-wise": Work(multiply_adds=10**9, memory_values=10**6)},
    limits=[
        Limit(device="cpu", precision="fp32", matmul_flops=1e11, copy_bytes=1e10),
        Limit(device="cpu", precision="bf16", matmul_flops=2e11, copy_bytes=1e10),
    ],
    media=[],
)


def lane(row: str, seconds: tuple[float, ...]) -> Lane:
    """A row whose turns of 4 frames take so long."""
    alone = [
        Turn(
            frames=4,
            seconds=each,
            frame_ms=(each * 250,) * 4,
            stages_ms={"upload": (each * 10,) * 4, "stylize": (each * 200,) * 4, "download": (each * 30,) * 4},
            pipelined_seconds=each * 0.8,
        )
        for each in seconds
    ]
    file = [
        Turn(
            frames=4,
            seconds=each,
            frame_ms=(each * 250,) * 3,
            stages_ms={"decode": (each * 20,), "stylize": (each * 225,), "encode": (each * 100,)},
            peak_host_mb=300 + each,
        )
        for each in seconds
    ]
    nobody: Any = SimpleNamespace()
    return Lane(
        row=ROWS[row],
        mode=MODES["frame-wise"],
        process=nobody,
        warm_up=Turn(first_frame_seconds=1.5),
        turns={"file": file, "networks": alone},
    )


def cells(*lanes: Lane) -> dict[tuple[str, str], Measurement]:
    return {(cell.row, cell.scope): cell for cell in measurements(lanes, SETTING)}


def test_a_rate_is_the_median_of_the_turns_with_their_spread() -> None:
    found = rate((10.0, 12.0, 11.0))
    assert (found.median, found.turns) == (11.0, (10.0, 12.0, 11.0))
    assert found.spread == pytest.approx(1 / 11)
    assert rate((10.0,)).spread == 0
    assert pooled(0.3, 0.4) == pytest.approx(0.125**0.5)


def test_a_ratio_pairs_turns_that_ran_one_after_the_other() -> None:
    found = ratio((4.0, 8.0, 6.0), (2.0, 2.0, 2.0))
    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)


def test_percentiles_lie_where_they_should() -> None:
    found = percentiles([float(value) for value in range(101)])
    assert (found.p50, found.p95, found.p99, found.mean) == (50.0, 95.0, 99.0, 50.0)


def test_the_ratio_is_to_the_eager_row_of_the_same_run() -> None:
    found = cells(lane("eager", (4.0, 8.0, 4.0)), lane("onnxruntime-cpu", (2.0, 2.0, 4.0)))
    assert found["onnxruntime-cpu", "networks"].ratio == ratio((2.0, 2.0, 1.0), (1.0, 0.5, 1.0))
    assert found["onnxruntime-cpu", "networks"].frames_per_second.median == 2.0
    assert cells(lane("onnxruntime-cpu", (2.0,)))["onnxruntime-cpu", "file"].ratio is None


def test_stage_times_account_for_the_wall_time() -> None:
    found = cells(lane("eager", (1.0, 2.0)))
    assert found["eager", "networks"].accounted == pytest.approx(0.96)  # 4 frames x (10 + 200 + 30) ms of each second
    assert found["eager", "file"].accounted == pytest.approx(0.9)  # the busiest stage: 4 x 225 ms


def test_memory_and_the_first_frame_belong_to_the_way_from_file_to_file() -> None:
    found = cells(lane("eager", (1.0, 2.0)))
    assert (found["eager", "file"].peak_host_mb, found["eager", "file"].first_frame_seconds) == (302.0, 1.5)
    assert found["eager", "networks"].peak_host_mb is None


def test_the_share_of_the_slowest_part_is_that_of_its_own_rate() -> None:
    times = percentiles([1.0])
    media = [
        Media(part="decode", size="a", frames_per_second=rate((100.0,)), frame_ms=times),
        Media(part="encode", size="a", frames_per_second=rate((2.0,)), frame_ms=times),
    ]
    found = measurements([lane("eager", (4.0,))], replace(SETTING, media=media))
    file, alone = found
    assert alone.pipelined_frames_per_second == rate((1.25,))  # what the pipeline reaches without files
    assert file.of_slowest_part == pytest.approx(1.0 / 1.25)
    assert file.pipelined_frames_per_second is None
    found = measurements([lane("eager", (1.0,))], replace(SETTING, media=media))
    assert next(cell for cell in found if cell.scope == "file").of_slowest_part == pytest.approx(2.0)


def test_the_share_of_the_limit_is_that_of_the_scarcer_resource() -> None:
    work, limits = SETTING.work["frame-wise"], SETTING.limits
    assert limit_share(10, work, ROWS["eager"], limits) == (pytest.approx(0.2), "compute")
    assert limit_share(10, work, ROWS["eager-amp"], limits) == (pytest.approx(0.1), "compute")
    heavy = Work(multiply_adds=10**6, memory_values=10**8)
    assert limit_share(10, heavy, ROWS["eager"], limits) == (pytest.approx(0.4), "memory")
    assert limit_share(10, heavy, ROWS["eager-amp"], limits) == (pytest.approx(0.2), "memory")  # half the bytes
    assert limit_share(10, work, ROWS["tensorrt"], limits) == (None, None)
    assert limit_share(10, None, ROWS["eager"], limits) == (None, None)


def test_a_turn_holds_as_many_frames_as_fit_into_its_time() -> None:
    plan = Plan(
        bundles=(), sizes=(), rows=(), rows_named=False, modes=(), weights=(), source=None, style=None, frames=48,
        repeats=5, turn_seconds=2, threads=None, quick=False, command=(),
    )  # fmt: skip
    frames: Callable[..., int] = lambda *times: frames_of_turn(plan, Turn(frame_ms=times))  # noqa: E731
    assert frames(100.0, 100.0) == 20
    assert frames(9000.0, 100.0, 100.0) == 20  # the first frames still warm up
    assert frames(0.0, 200.0, 0.0) == 20  # two frames side by side come out at once
    assert frames(1.0, 1.0) == 48
    assert frames(30_000.0, 30_000.0) == 4


def test_a_quick_turn_of_a_slow_row_is_two_frames() -> None:
    plan = Plan(
        bundles=(), sizes=(), rows=(), rows_named=False, modes=(), weights=(), source=None, style=None, frames=12,
        repeats=3, turn_seconds=1, fewest=2, threads=None, quick=True, command=(),
    )  # fmt: skip
    assert frames_of_turn(plan, Turn(frame_ms=(30_000.0,))) == 2


def test_a_rate_at_each_length_is_that_of_its_own_turns() -> None:
    measured = lane("eager", (1.0,))
    measured.by_length = {
        2: [Turn(frames=2, seconds=each) for each in (1.0, 2.0, 4.0)],
        8: [Turn(frames=8, seconds=2.0)],
    }
    found = length_rates([measured], SETTING)
    assert [(cell.frames, cell.frames_per_second.median) for cell in found] == [(2, 1.0), (8, 4.0)]
    assert found[0].frames_per_second.turns == (2.0, 1.0, 0.5)


def test_what_is_slow_to_start_is_left_out_when_the_time_is_used_up(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(
        bundles=(), sizes=(), rows=(ROWS["compile"],), rows_named=True, modes=(MODES["frame-wise"],), weights=(),
        source=None, style=None, frames=4, repeats=1, turn_seconds=1, threads=1, quick=True, command=(),
    )  # fmt: skip
    monkeypatch.setattr(turns, "may_run", lambda *_: WeightFiles(decoder=tmp_path / "gone.pth"))

    def ran(seconds: float) -> tuple[list[Lane], list[NotRun]]:
        return turns.run_lanes(
            plan, open_bundle(tiny_bundle), "a", tmp_path / "gone.mp4", folder=tmp_path, between=lambda: None,
            left=lambda: seconds, say=lambda line: None,
        )  # fmt: skip

    for seconds, reason in ((0.0, "no time was left to start it"), (0.05, "it was not ready after")):
        lanes, empty = ran(seconds)
        assert lanes == []
        assert [reason in entry.reason for entry in empty] == [True]


def test_another_row_begins_every_repeat() -> None:
    lanes = [lane(name, (1.0,)) for name in ("eager", "compile", "onnxruntime-cpu")]
    firsts = [rotated(lanes, repeat)[0].row.name for repeat in range(4)]
    assert firsts == ["eager", "compile", "onnxruntime-cpu", "eager"]
    assert rotated([], 3) == []
