"""Turns: how many frames, in which order, and what is left out for want of time."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tsn.benchmarks.throughput import turns
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.process import Turn
from tsn.benchmarks.throughput.results import NotRun
from tsn.benchmarks.throughput.rows import MODES, ROWS, WeightFiles
from tsn.benchmarks.throughput.turns import Contender, frames_of_turn, rotated
from tsn.runtime.bundle.folder import open_bundle


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


def test_what_is_slow_to_start_is_left_out_when_the_time_is_used_up(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(
        bundles=(), sizes=(), rows=(ROWS["compile"],), rows_named=True, modes=(MODES["frame-wise"],), weights=(),
        source=None, style=None, frames=4, repeats=1, turn_seconds=1, threads=1, quick=True, command=(),
    )  # fmt: skip
    monkeypatch.setattr(turns, "weights_or_obstacle", lambda *_: WeightFiles(decoder=tmp_path / "gone.pth"))

    def ran(seconds: float) -> tuple[list[Contender], list[NotRun]]:
        return turns.run_contenders(
            plan, open_bundle(tiny_bundle), "a", tmp_path / "gone.mp4", folder=tmp_path, between=lambda: None,
            left=lambda: seconds, say=lambda line: None,
        )  # fmt: skip

    for seconds, reason in ((0.0, "no time was left to start it"), (0.05, "it was not ready after")):
        contenders, empty = ran(seconds)
        assert contenders == []
        assert [reason in entry.reason for entry in empty] == [True]


def test_another_row_begins_every_repeat() -> None:
    nobody: Any = SimpleNamespace()
    contenders = [
        Contender(row=ROWS[name], mode=MODES["frame-wise"], process=nobody, warm_up=Turn())
        for name in ("eager", "compile", "onnxruntime-cpu")
    ]
    firsts = [rotated(contenders, repeat)[0].row.name for repeat in range(4)]
    assert firsts == ["eager", "compile", "onnxruntime-cpu", "eager"]
    assert rotated([], 3) == []
