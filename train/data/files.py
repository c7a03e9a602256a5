"""The files that a run learns from."""

from collections.abc import Collection
from pathlib import Path

from tsn.runtime.errors import InputError


def find_files(place: Path, suffixes: Collection[str], *, kind: str, named_by: str = "the command") -> list[Path]:
    """Find all files of these suffixes in a folder and below, sorted; or the one file. Raises InputError if none."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise InputError(f"there is no folder {place}, which {named_by} names")
    found = sorted(path for path in place.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
    if not found:
        raise InputError(f"there is no {kind} in {place} or below. Wanted: {', '.join(sorted(suffixes))}")
    return found
