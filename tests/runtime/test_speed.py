"""The speed that tsn-doctor tells is measured, in about a second."""

import time
from typing import Any

import pytest

from tsn.runtime import speed as measuring
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.speed import Speed, measure_speed

SMALL = Size(160, 96)


def test_a_network_that_takes_longer_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = Stylizer.ahead
    seen: set[Size] = set()

    def slow(self: Stylizer, pixels: Any, previous: Any) -> Any:
        seen.add(pixels.size)
        time.sleep(0.2)
        return ahead(self, pixels, previous)

    monkeypatch.setattr(Stylizer, "ahead", slow)
    found = measure_speed(size=SMALL, seconds=0.5)
    assert seen == {SMALL}
    assert 0.1 < found.frames_per_second < 7 * min(4, found.cores)  # 0.2 s and more for each, on each core
    assert (found.bundle, found.size) == ("lite", SMALL)


def test_frames_are_computed_side_by_side_as_tsn_run_does(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    spread = measuring.spread

    def watched(work: Any, items: Any, *, threads: int, interrupt: Any) -> Any:
        used.append(threads)
        return spread(work, items, threads=threads, interrupt=interrupt)

    monkeypatch.setattr(measuring, "spread", watched)
    measure_speed(size=SMALL, seconds=0.1)
    assert used == [min(4, measuring.usable_cores())]


@pytest.mark.parametrize(("rate", "said"), [(0.84, "0.8"), (9.26, "9.3"), (9.6, "10"), (31.7, "32")])
def test_a_rate_is_said_to_about_two_digits(rate: float, said: str) -> None:
    speed = Speed(bundle="lite", size=Size(854, 480), cores=1, frames_per_second=rate)
    assert str(speed) == f"lite, about {said} frames/s at 480p on this CPU (1 core)"
