"""Threads that work ahead of a loop and behind it, with bounded queues between."""

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, Full, Queue
from typing import Final, Generic, TypeVar

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")
_PATIENCE: Final = 0.1  # seconds between two looks at whether the other side has given up
_LAST_ITEM: Final = 5.0  # seconds that a consumer is given for the item it is at, once it is told to stop

DEPTH = 4  # frames that may wait between two stages: enough to overlap them, few enough to bound the memory
MOST_THREADS = 256  # that a run may be told to compute with: each has a stack of its own


def usable_cores() -> int:
    """Count the cores that this process may use: fewer than the machine's in a container, or under taskset."""
    if hasattr(os, "sched_getaffinity"):  # Linux alone
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _End:
    """The last item of a queue: the error that ended the work, or None."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def _put(queue: Queue[T], item: T, stopped: threading.Event) -> bool:
    """Put `item` into `queue`, waiting for room. Return False if `stopped` comes first."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False


def _next(queue: Queue[T]) -> T:
    """Wait for the next item. On Windows Ctrl-C ends no wait that has no end, so this one looks up now and then."""
    while True:
        try:
            return queue.get(timeout=_PATIENCE)
        except Empty:
            continue


class Ahead(Generic[T]):
    """Items that a thread produces ahead of their consumer. `busy` is in seconds, `count` in items."""

    def __init__(self, items: Iterable[T], depth: int) -> None:
        self.busy = 0.0
        self.count = 0
        self._queue: Queue[T | _End] = Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(items,), name="ahead", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[T]:
        while not isinstance(item := _next(self._queue), _End):
            yield item
        if item.error is not None:
            raise item.error

    def stop(self) -> None:
        """End the thread after the item it is at, and wait for it."""
        self._stopped.set()
        self._thread.join()

    def _work(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            begun = time.perf_counter()
            for item in items:
                self.busy += time.perf_counter() - begun
                self.count += 1
                if not _put(self._queue, item, self._stopped):
                    return
                begun = time.perf_counter()
        except BaseException as caught:  # handed to the consumer, which raises it
            error = caught
        _put(self._queue, _End(error), self._stopped)


class Spread(Generic[Item, Result]):
    """Items and the results that several threads make of them, in order. `busy` is in seconds of one thread."""

    def __init__(
        self, work: Callable[[Item], Result], items: Iterable[Item], threads: int, interrupt: Callable[[], None]
    ) -> None:
        self._work = work
        self._items = iter(items)
        self._interrupt = interrupt
        self._busy = 0.0
        self._taking = threading.Lock()  # held while an item and its place in the order are taken
        self._places: Queue[Future[tuple[Item, Result]] | None] = Queue(threads)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, name=f"spread-{i}", daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def busy(self) -> float:
        return self._busy / len(self._threads)

    def __iter__(self) -> Iterator[tuple[Item, Result]]:
        while (place := _next(self._places)) is not None:
            yield place.result()

    def stop(self) -> None:
        """End the threads; `interrupt` is called until all have ended."""
        self._stopped.set()
        for thread in self._threads:
            while thread.is_alive():
                self._interrupt()
                thread.join(_PATIENCE)

    def _run(self) -> None:
        while (taken := self._take()) is not None:
            item, place = taken
            begun = time.perf_counter()
            try:
                place.set_result((item, self._work(item)))
            except BaseException as error:  # raised where the result is taken
                place.set_exception(error)
            with self._taking:
                self._busy += time.perf_counter() - begun

    def _take(self) -> tuple[Item, Future[tuple[Item, Result]]] | None:
        """Take the next item and its place in the order; None at the end."""
        with self._taking:
            if self._stopped.is_set():
                return None
            place: Future[tuple[Item, Result]] = Future()
            try:
                item = next(self._items)
            except StopIteration:
                self._end(None)
                return None
            except BaseException as error:  # handed to the consumer, which raises it
                place.set_exception(error)
                self._end(place)
                return None
            return (item, place) if _put(self._places, place, self._stopped) else None

    def _end(self, place: Future[tuple[Item, Result]] | None) -> None:
        _put(self._places, place, self._stopped)
        self._stopped.set()


class Behind(Generic[T]):
    """Hands items to a thread that consumes them. `busy` is in seconds."""

    def __init__(self, consume: Callable[[T], None], depth: int) -> None:
        self.busy = 0.0
        self._error: BaseException | None = None
        self._queue: Queue[T | _End] = Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(consume,), name="behind", daemon=True)
        self._thread.start()

    def __call__(self, item: T) -> None:
        """Queue `item`. Raises the error of an earlier one."""
        self._put(item)

    def finish(self) -> None:
        """Wait until all items are consumed. Raises the error of one."""
        self._put(_End(None))
        while self._thread.is_alive():
            self._thread.join(_PATIENCE)
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Drop the queue and end the thread after the item it is at. A thread that hangs is left behind."""
        self._stopped.set()
        self._thread.join(_LAST_ITEM)

    def _put(self, item: T | _End) -> None:
        while True:
            if self._error is not None:
                raise self._error
            try:
                return self._queue.put(item, timeout=_PATIENCE)
            except Full:
                continue

    def _work(self, consume: Callable[[T], None]) -> None:
        while not self._stopped.is_set():
            try:
                item = self._queue.get(timeout=_PATIENCE)
            except Empty:
                continue
            if isinstance(item, _End):
                return
            begun = time.perf_counter()
            try:
                consume(item)
            except BaseException as caught:  # raised in the producer, at its next item or at the end
                self._error = caught
                return
            self.busy += time.perf_counter() - begun


@contextmanager
def prefetched(items: Iterable[T], *, depth: int) -> Generator[Ahead[T]]:
    """Iterate `items` in a thread, up to `depth` ahead. Its errors are raised in the loop over the items."""
    ahead = Ahead(items, depth)
    try:
        yield ahead
    finally:
        ahead.stop()


@contextmanager
def behind(consume: Callable[[T], None], *, depth: int) -> Generator[Behind[T]]:
    """Call `consume` in a thread, up to `depth` behind. Leaving the block waits for the rest; an error drops it."""
    worker = Behind(consume, depth)
    try:
        yield worker
        worker.finish()
    finally:
        worker.stop()


@contextmanager
def spread(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, interrupt: Callable[[], None]
) -> Generator[Spread[Item, Result]]:
    """Iterate (item, work(item)) in order, computed by `threads` threads, each at most one item ahead.

    Args:
        interrupt: makes calls of `work` that are under way end early. It is called if the block is left early.
    """
    spreading = Spread(work, items, threads, interrupt)
    try:
        yield spreading
    finally:
        spreading.stop()
