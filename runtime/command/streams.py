"""The standard streams of a command: always there, whatever the shell made of them, and with one rule for a failure."""

import io
import os
import sys
from typing import Any

from tsn.runtime.errors import OutputError


def open_streams() -> None:
    """Make stdout and stderr safe to use, and leave no number of a standard stream free.

    Otherwise the next file that is opened would get the number of a closed stream, and messages be written into it.
    Streams that a test put in their place stay.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free number; writing to stdout then fails, as it should
    if sys.stdout is sys.__stdout__ and not _is_windows_console(sys.stdout):
        sys.stdout = _text(_Output(1, "w", closefd=False), like=sys.stdout)
    if sys.stderr is sys.__stderr__ and not _is_windows_console(sys.stderr):
        sys.stderr = _text(_Messages(2, "w", closefd=False), like=sys.stderr)


def _is_windows_console(stream: Any) -> bool:
    """Whether `stream` is a console of Windows, which takes characters: written as bytes, many would come out wrong."""
    return sys.platform == "win32" and stream is not None and stream.isatty()


class _Output(io.FileIO):
    """stdout. Raises OutputError, once: what comes after a failure is lost with what came before."""

    _failed = False

    def write(self, data: Any, /) -> int:
        try:
            return len(data) if self._failed else super().write(data)
        except OSError as error:
            self._failed = True
            raise OutputError(f"cannot write to stdout: {error.strerror}") from error


class _Messages(io.FileIO):
    """stderr. Loses what cannot be written: a run goes on when the reader of its progress goes away."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _text(raw: io.FileIO, *, like: Any) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(like, "encoding", None),
        errors=getattr(like, "errors", "backslashreplace"),
        line_buffering=True,
    )
