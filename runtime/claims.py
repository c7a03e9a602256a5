"""The unfinished file of an output: one run's at a time, by a lock that ends with the run, however that ends."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

_LONGEST_STEM: Final = 40  # characters of the output's name in that of its unfinished file


class ClaimedError(OSError):
    """Another run is writing the same file."""


@contextmanager
def unfinished_file(target: Path) -> Generator[Path]:
    """Give the path of an empty file beside `target`, with its suffix, that no other run writes meanwhile.

    It is removed in the end, where it is still there. What a killed run has left of the same target is written over.
    On Windows, and on file systems without locks, another run is not noticed.

    Raises ClaimedError where another run is writing `target`, OSError where nothing can be written there.
    """
    alone = f".{os.getpid()}" if sys.platform == "win32" else ""
    place = f"{zlib.crc32(os.fsencode(target.name)):08x}{alone}"  # names that begin alike are not the same
    path = target.with_name(f".{target.stem[:_LONGEST_STEM]}.{place}.part{target.suffix}")
    handle = _claimed(path)
    try:
        if sys.platform == "win32":  # an open file cannot be renamed there
            os.close(handle)
        yield path
    finally:
        with suppress(OSError):  # on Windows a file that is still open stays: why a block failed matters more
            path.unlink()
        if sys.platform != "win32":
            os.close(handle)


def _claimed(path: Path) -> int:
    """Open an empty file and lock it."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(handle)
            os.ftruncate(handle, 0)
            if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # whoever had it before has removed it between the two


def _lock(handle: int) -> None:
    if sys.platform != "win32":
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ClaimedError("another run is writing it") from error
        except OSError:  # a file system without locks
            pass
