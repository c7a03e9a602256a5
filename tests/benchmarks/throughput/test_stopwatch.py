"""Every moment of a frame belongs to exactly one stage."""

import pytest

from tsn.benchmarks.throughput import stopwatch
from tsn.benchmarks.throughput.stopwatch import Stopwatch


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
