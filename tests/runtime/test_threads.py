"""Stages overlap, keep their order, stay bounded, and pass errors on."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from tsn.runtime import threads as overlap
from tsn.runtime.threads import behind, prefetched, spread, usable_cores


def test_items_arrive_in_order_and_are_counted() -> None:
    with prefetched(range(50), depth=3) as ahead:
        assert list(ahead) == list(range(50))
    assert ahead.count == 50


def test_never_more_than_the_depth_wait() -> None:
    produced: list[int] = []

    def items():
        for index in range(100):
            produced.append(index)
            yield index

    with prefetched(items(), depth=3) as ahead:
        first = next(iter(ahead))
        time.sleep(0.2)
        assert first == 0
        assert len(produced) <= 5  # one taken, three waiting, one in hand


def test_an_error_of_the_producer_reaches_the_consumer_after_what_came_before_it() -> None:
    def items():
        yield 1
        raise ValueError("no more")

    taken: list[int] = []
    with pytest.raises(ValueError, match="no more"), prefetched(items(), depth=2) as ahead:
        taken.extend(ahead)


def test_an_error_of_the_consumer_reaches_the_producer() -> None:
    def consume(item: int) -> None:
        raise OSError("disk full")

    def produce() -> None:
        with behind(consume, depth=2) as write:
            for index in range(100):
                write(index)

    with pytest.raises(OSError, match="disk full"):
        produce()


def test_leaving_the_block_waits_until_everything_is_consumed() -> None:
    consumed: list[int] = []

    def consume(item: int) -> None:
        time.sleep(0.01)
        consumed.append(item)

    with behind(consume, depth=4) as write:
        for index in range(10):
            write(index)
    assert consumed == list(range(10))


def test_no_thread_outlives_its_block_even_on_an_error() -> None:
    before = set(threading.enumerate())

    def endless():
        while True:
            yield 0

    with pytest.raises(KeyboardInterrupt), prefetched(endless(), depth=2), behind(lambda item: None, depth=2):
        raise KeyboardInterrupt
    assert set(threading.enumerate()) <= before  # those of another test's backend may end meanwhile


def nothing() -> None:
    """There is no work to interrupt."""


def test_spread_work_comes_back_in_order_and_runs_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)

    def work(item: int) -> int:
        together.wait()  # passes only where two threads are at work
        time.sleep(0.01 * (item % 2))
        return item * item

    with spread(work, range(20), threads=2, interrupt=nothing) as spreading:
        assert list(spreading) == [(item, item * item) for item in range(20)]
    assert 0.05 < spreading.busy < 5


def test_spread_work_stays_a_few_items_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    with spread(lambda item: item, items(), threads=2, interrupt=nothing) as spreading:
        next(iter(spreading))
        time.sleep(0.3)
        assert len(taken) < 8


@pytest.mark.parametrize("place", ["items", "work"])
def test_an_error_in_spread_work_is_raised_where_its_result_is_taken(place: str) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        if place == "items":
            raise ValueError("no fourth")
        yield 3

    def work(item: int) -> int:
        if item == 3:
            raise ValueError("no fourth")
        return item

    with spread(work, items(), threads=2, interrupt=nothing) as spreading:
        found = iter(spreading)
        assert [next(found) for _ in range(3)] == [(0, 0), (1, 1), (2, 2)]
        with pytest.raises(ValueError, match="no fourth"):
            next(found)


def test_leaving_spread_work_early_interrupts_what_is_under_way() -> None:
    released = threading.Event()
    before = set(threading.enumerate())
    begun = time.perf_counter()
    with (
        pytest.raises(KeyboardInterrupt),
        spread(lambda item: released.wait(30), range(9), threads=2, interrupt=released.set),
    ):
        raise KeyboardInterrupt
    assert time.perf_counter() - begun < 5
    assert set(threading.enumerate()) <= before  # those of another test's backend may end meanwhile


def test_a_consumer_that_hangs_is_left_behind_when_the_work_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlap, "_LAST_ITEM", 0.2)
    released = threading.Event()

    def stop_while_it_hangs() -> None:
        with behind(lambda item: released.wait(60), depth=2) as write:
            write(0)
            raise KeyboardInterrupt

    begun = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        stop_while_it_hangs()
    assert time.perf_counter() - begun < 10
    released.set()


@pytest.mark.parametrize(("counted", "usable"), [(7, 7), (None, 1)])
def test_where_a_process_cannot_be_bound_to_cores_it_has_all(
    monkeypatch: pytest.MonkeyPatch, counted: int | None, usable: int
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: counted)
    assert usable_cores() == usable
