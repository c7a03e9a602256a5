"""The unfinished file of an output: one run's at a time, by a lock that ends with the run, however that ends."""

from __future__ import annotations

import os
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_FCNTL: Final[Any] = import_module("fcntl") if find_spec("fcntl") else None  # Windows has none
_LONGEST_STEM: Final = 40  # characters of the output's name in that of its unfinished file


_OPEN: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # somebody's link there leads elsewhere


class ClaimedError(OSError):
    """Another run is writing the same file."""


class _NoLocksError(Exception):
    """Files here cannot be locked: on Windows, and on some file systems."""


@contextmanager
def unfinished_file(target: Path) -> Generator[Path]:
    """Give the path of an empty file beside `target`, with its suffix, that no other run writes meanwhile.

    It is removed in the end, where it is still there. What a killed run has left of the same target is written over.
    Where files cannot be locked neither is noticed: each process has a file of its own there.

    Raises ClaimedError where another run is writing `target`, OSError where nothing can be written there.
    """
    place = f"{zlib.crc32(os.fsencode(target.name)):08x}"  # names that begin alike are not the same
    path = target.with_name(f".{target.stem[:_LONGEST_STEM]}.{place}.part{target.suffix}")
    try:
        handle = _claimed(path)
    except _NoLocksError:
        path.unlink(missing_ok=True)  # nobody writes under that name here
        path = path.with_name(f".{target.stem[:_LONGEST_STEM]}.{place}.{os.getpid()}.part{target.suffix}")
        os.close(os.open(path, _OPEN | os.O_TRUNC, 0o600))
        handle = None  # Windows renames no open file
    try:
        yield path
    finally:
        with suppress(OSError):  # on Windows a file that is still open stays: why a block failed matters more
            path.unlink()
        if handle is not None:
            os.close(handle)


def _claimed(path: Path) -> int:
    """Open an empty file and lock it."""
    if _FCNTL is None:
        raise _NoLocksError
    while True:
        handle = os.open(path, _OPEN, 0o600)
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
    try:
        _FCNTL.flock(handle, _FCNTL.LOCK_EX | _FCNTL.LOCK_NB)
    except BlockingIOError as error:
        raise ClaimedError("another run is writing it") from error
    except OSError as error:
        raise _NoLocksError from error
