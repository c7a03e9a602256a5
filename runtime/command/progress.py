"""How far a run is: a bar on a terminal, plain lines anywhere else, always on stderr."""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

_INTERVAL = 5.0  # seconds between two plain lines


@contextmanager
def frame_progress(total: int | None, *, quiet: bool = False) -> Generator[Callable[[int], None]]:
    """Give a function to call with the number of frames done so far, of `total` where that is known."""
    if quiet:
        yield lambda done: None
    elif sys.stderr.isatty():
        with _bar(total) as show:
            yield show
    else:
        yield _Lines(total)


class _Lines:
    def __init__(self, total: int | None) -> None:
        self._total = total
        self._started = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last < _INTERVAL and done != self._total:
            return
        self._last = now
        rate = done / max(now - self._started, 1e-9)
        of = "" if self._total is None else f" of {self._total}"
        left = "" if self._total is None else f", {_duration(max(0, self._total - done) / rate)} left"
        print(f"{done}{of} frames, {rate:.1f} frames/s{left}", file=sys.stderr, flush=True)


@contextmanager
def _bar(total: int | None) -> Generator[Callable[[int], None]]:
    from rich.console import Console  # slow to import, and only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, rate="")
        started = time.monotonic()

        def show(done: int) -> None:
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.update(task, completed=done, rate=f"{rate:.1f} frames/s")

        yield show


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
