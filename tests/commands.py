"""A command of the project, run in the tests' own process."""

import signal
import sys
from collections.abc import Callable

import pytest


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
