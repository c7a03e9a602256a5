"""Ctrl-C and SIGTERM: an exception in the main thread, raised until it is seen."""

import _thread
import signal
import sys
import threading
import time
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
        self._ended = False

    def listen(self) -> None:
        """Take over both signals."""
        for number in _SIGNALS:
            signal.signal(number, self._raise)

    def end(self) -> None:
        """Ignore whatever comes from now on: the command is ending."""
        self._ended = True
        if self.number is not None:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)

    def _raise(self, number: int, _frame: FrameType | None) -> None:
        if self._ended:
            return
        if self.number is None:
            self.number = signal.Signals(number)
            # Not threading.Thread: the signal may have come while this thread held that class's lock.
            _thread.start_new_thread(self._send_again, (self.number, threading.get_ident()))
        if not _is_interruption(sys.exception()):
            raise Terminated if self.number == signal.SIGTERM else KeyboardInterrupt

    def _send_again(self, number: signal.Signals, thread: int) -> None:
        """Send the signal again and again, also while the main thread waits for a lock or a file."""
        while True:
            time.sleep(_AGAIN)
            if self._ended:
                return
            if hasattr(signal, "pthread_kill"):
                signal.pthread_kill(thread, number)
            else:  # Windows, where a signal interrupts no wait, whoever sends it
                signal.raise_signal(number)


def _is_interruption(error: BaseException | None) -> bool:
    """Whether `error`, or one during whose handling it arose, is an interruption."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, Terminated)):
            return True
        error = error.__context__
    return False
