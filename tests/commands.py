"""A command of the project, run in the tests' own process."""

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


def exit_code(main: Callable[[], None], name: str, *words: object) -> int:
    """What the command `name`, whose entry point is `main`, ends with; signal handlers stay as they were."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [name, *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return ended.value.code if isinstance(ended.value.code, int) else 0


def runner(capfd: pytest.CaptureFixture[str], main: Callable[[], None], name: str) -> Callable[..., Ended]:
    """A function that runs the command with the words it is given, and gives its exit code and what it printed."""

    def call(*words: object) -> Ended:
        capfd.readouterr()
        code = exit_code(main, name, *words)
        streams = capfd.readouterr()
        return Ended(code=code, out=streams.out, err=streams.err)

    return call
