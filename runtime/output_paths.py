"""What an input is, and where its stylized version goes."""

import os
from collections.abc import Sequence
from pathlib import Path

from tsn.runtime.errors import InputError, OutputError, UsageError
from tsn.runtime.pictures.formats import WRITTEN, content_of, written_as
from tsn.runtime.report import InputKind
from tsn.runtime.style import StyleChoice
from tsn.runtime.video.encoders import CONTAINERS

LONGEST_NAME = 255  # bytes: what file systems take
LONGEST_LABEL = 80  # characters of it for the names of the styles


def kind_of(source: Path) -> InputKind:
    """Whether `source` is a folder of pictures, a picture (by its content) or else a video. Raises InputError."""
    if source.is_dir():
        return "folder"
    if not source.exists():
        raise InputError(f"there is no file or folder {source}")
    return "picture" if source.is_file() and content_of(source) == "picture" else "video"


def names_folder(given: str | Path | None) -> bool:
    """Whether a slash at the end of `given` says that it is a folder, be it there or not."""
    return isinstance(given, str) and given.endswith(("/", os.sep))


def output_path(source: Path, styles: Sequence[StyleChoice], *, given: str | Path | None, kind: InputKind) -> Path:
    """Where to write: `given`, or a name of the input's and the styles', in the folder `given` or beside the input.

    Raises UsageError for a suffix that does not fit the kind, OutputError where output and input are one.
    """
    asked = None if given is None else Path(given)
    if asked is not None and len(os.fsencode(asked.name)) > LONGEST_NAME:
        raise OutputError(f"the name {asked.name[:40]}... is too long: over {LONGEST_NAME} bytes. Shorten it")
    suffix = "" if kind == "folder" else source.suffix
    if kind == "picture":
        suffix = written_as(source).suffix
    if kind == "video" and suffix.lower() not in CONTAINERS:
        suffix = ".mp4"
    stem = source.resolve().name if kind == "folder" else source.stem
    name = f"{stem}_{'+'.join(choice.label for choice in styles)[:LONGEST_LABEL]}{suffix}"
    if asked is None:
        path = source.resolve().parent / name if kind == "folder" else source.with_name(name)
    elif kind != "folder" and (names_folder(given) or asked.is_dir()):
        path = asked / name
    else:
        path = asked
    if kind == "folder" and path.exists() and not path.is_dir():
        raise OutputError(
            f"{path} is no folder, and the pictures of {source} need one", cure="Give another name with -o"
        )
    if path.exists() and path.samefile(source):
        raise OutputError(f"{path} is the input itself", cure="Give another name with -o")
    if kind == "picture" and path.suffix.lower() not in WRITTEN:
        raise UsageError(f"{path} has no suffix of a picture. Use one of: {' '.join(sorted(WRITTEN))}")
    return path
