"""Ctrl-C and SIGTERM: an exception in the main thread, raised until it is seen."""

import signal
import sys
from types import FrameType

from tsn.runtime.errors import Terminated

_AGAIN = 0.5  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Raises KeyboardInterrupt or Terminated when a signal comes, and remembers it.

    A library that calls Python from C, as torch's exporter does, may print the exception and go on, or make another of
    it. So it is raised again, as long as nothing handles it; clean-up, which handles it, is left in peace.
    """

    def __init__(self) -> None:
        self.number: signal.Signals | None = None  # the first that came

    def listen(self) -> None:
        """Take over both signals."""
        for number in _SIGNALS:
            signal.signal(number, self._raise)

    def end(self) -> None:
        """Ignore whatever comes from now on: the command is ending."""
        if self.number is not None:
            for number in (*_SIGNALS, signal.SIGALRM):
                signal.signal(number, signal.SIG_IGN)

    def _raise(self, number: int, _frame: FrameType | None) -> None:
        if self.number is None:
            self.number = signal.Signals(number)
            signal.signal(signal.SIGALRM, self._raise)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
        if not _is_interruption(sys.exception()):
            raise Terminated if self.number == signal.SIGTERM else KeyboardInterrupt


def _is_interruption(error: BaseException | None) -> bool:
    """Whether `error`, or one during whose handling it arose, is an interruption."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            return True
        error = error.__context__
    return False
