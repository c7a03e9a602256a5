"""Stages overlap, keep their order, stay bounded, and pass errors on."""

import threading
import time

import pytest

from tsn.runtime.overlap import behind, prefetched


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
    before = threading.active_count()

    def endless():
        while True:
            yield 0

    with pytest.raises(KeyboardInterrupt), prefetched(endless(), depth=2), behind(lambda item: None, depth=2):
        raise KeyboardInterrupt
    assert threading.active_count() == before
