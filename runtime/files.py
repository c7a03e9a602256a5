"""Files and folders that appear whole or not at all, written beside their final name and renamed at the end; and the
folder for what can be made again."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from tsn.runtime.claims import ClaimedError, unfinished_file
from tsn.runtime.errors import InputError, OutputError

_LONGEST_STEM = 200  # bytes: file systems take 255 for a name, suffix and all


@contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Generator[Path]:
    """Give a temporary path in the folder of `path`, with its suffix; rename it to `path` when the block succeeds.

    When the block fails or is interrupted the temporary file is removed and `path` is as it was. A symbolic link stays:
    the file that it points at is written, be it there or not.

    Without `overwrite` nothing is replaced, not even what appears while the block runs: then the result is kept beside
    it. Raises OutputError for that; where `path` exists, another run is writing it, or its folder is missing or
    read-only.
    """
    refuse_unwritable(path, overwrite=overwrite)
    target = _behind_links(path)
    with ExitStack() as claim:
        with as_output_error(path):
            temporary = claim.enter_context(unfinished_file(target))
        yield temporary
        with as_output_error(path):
            _flush_to_disk(temporary)
            temporary.chmod(0o666 & ~_umask())
            if overwrite:
                temporary.replace(target)
            elif not _placed(temporary, target):
                part = keep_part(temporary, path)
                raise OutputError(
                    f"{path} appeared while it was being made, and overwrite is not set. The result is in {part}"
                )


def _placed(temporary: Path, target: Path) -> bool:
    """Give a file a second name, `target`; False where that is taken, which a renaming would not respect."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links
        try:
            target.touch(exist_ok=False)  # from here on the name is taken
        except FileExistsError:
            return False
        temporary.replace(target)
    return True


def keep_part(unfinished: Path, path: Path) -> Path:
    """Give what was written for `path` a name of its own beside it, that no file has, and return that.

    Raises OutputError.
    """
    target = _behind_links(path)
    stem = os.fsencode(target.stem)[:_LONGEST_STEM].decode(errors="ignore")
    with as_output_error(path):
        _flush_to_disk(unfinished)
        unfinished.chmod(0o666 & ~_umask())
        for number in count(1):
            part = target.with_name(f"{stem}.part{number if number > 1 else ''}{target.suffix}")
            try:
                part.touch(exist_ok=False)  # from here on the name is taken
            except FileExistsError:
                continue
            unfinished.replace(part)
            return part
    raise AssertionError("numbers do not end")


@contextmanager
def whole_folder(path: Path, *, marker: str, overwrite: bool = False) -> Generator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` when the block succeeds.

    With `overwrite`, a folder that stands there is replaced as a whole, after the new one is complete; but only where
    it is empty or holds a file called `marker`, so that a mistyped -o never costs somebody's folder. A symbolic link
    stays, as for whole_file.
    Raises OutputError as whole_file does.
    """
    refuse_unwritable(path, overwrite=overwrite)
    target = _behind_links(path)
    if target.exists() and not (target.is_dir() and ((target / marker).is_file() or not any(target.iterdir()))):
        raise OutputError(f"{path} is not replaced: it holds no {marker}", cure="Give another place with -o")
    with as_output_error(path):
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", suffix=".part", dir=target.parent))
    old = temporary.with_suffix(".old")
    try:
        yield temporary
        with as_output_error(path):
            temporary.chmod(0o777 & ~_umask())
            if target.exists():
                target.rename(old)
            temporary.rename(target)
    finally:
        if old.exists() and not target.exists():  # interrupted between the two renames
            old.rename(target)
        for folder in (temporary, old):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def made_folder(path: Path | None) -> Generator[None]:
    """Make a folder that may be there already, and take it away again where the block fails and left it empty.

    Raises OutputError where it cannot be made, because the folder around it is missing for example.
    """
    if path is None:
        yield
        return
    with as_output_error(path):
        there = path.exists()
    refuse_unwritable(path, overwrite=True)
    if there and not path.is_dir():
        raise OutputError(f"{path} is no folder", cure="Give another name with -o")
    with as_output_error(path):
        _behind_links(path).mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if not there:
            with suppress(OSError):  # it holds something
                _behind_links(path).rmdir()
        raise


def refuse_url(text: str) -> None:
    """Raise InputError where `text` is a URL and no path: as a path it would lose one of its slashes."""
    if re.match("[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise InputError(
            f"{text} is a URL: so far only files on this machine are read and written",
            cure="Download it first, for example with curl -LO, and give the file",
        )


def refuse_unwritable(path: Path, *, overwrite: bool) -> None:
    """Raise OutputError, before any work is done, where `path` could not be written in the end."""
    with as_output_error(path):  # a name may be too long to look at
        there, folder = path.exists(), _behind_links(path).parent
    if there and not overwrite:
        raise OutputError(
            f"{path} exists already, and overwrite is not set",
            cure="Add --overwrite to replace it, or give another name with -o",
        )
    if there and not (path.is_file() or path.is_dir()):
        raise OutputError(f"{path} is no file but a device or a pipe", cure="Give another name with -o")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is no folder", cure="Give another place with -o")
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist", cure=f"Create it first: mkdir -p '{folder}'")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"the folder {folder} cannot be written to", cure="Give another place with -o")


def _behind_links(path: Path) -> Path:
    return path if not path.is_symlink() else Path(os.path.realpath(path))


@contextmanager
def as_output_error(path: Path) -> Generator[None]:
    """Make an OSError in the block an OutputError that names `path`, which is being written."""
    try:
        yield
    except ClaimedError as error:
        raise OutputError(f"{path} is being written by another run", cure="Give another name with -o") from error
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as file:  # Windows flushes only what it may write
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def cache_folder() -> Path:
    """The user's cache folder for this project; $TSN_CACHE comes first. It need not exist."""
    given = os.environ.get("TSN_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "temporalstylenet"
