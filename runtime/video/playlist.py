"""Playlists of HLS: how much of what they list is not there. FFmpeg passes over a segment that it cannot open."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final
from urllib.parse import unquote

_LENGTH: Final = "#EXTINF:"  # seconds of the next segment, a comma and its title
_PLAYLISTS: Final = (".m3u8", ".m3u")
_DEEPEST: Final = 3  # playlists that list playlists: the standard knows one such step


def absent_seconds(path: Path, *, depth: int = 0) -> Fraction:
    """Return how many seconds of a playlist lie in files that are not there; segments elsewhere are not looked at.

    Of several playlists in one, for several sizes of one film, it is that of the most complete.
    """
    absent, length, others = Fraction(0), Fraction(0), list[Path]()
    for line in path.read_text(errors="replace").splitlines():
        text = line.strip()
        if text.startswith(_LENGTH):
            with suppress(ValueError):
                length = Fraction(text.removeprefix(_LENGTH).split(",")[0].strip())
        elif text and not text.startswith("#") and "://" not in text:
            file = path.parent / unquote(text.split("?")[0])
            if file.suffix.lower() in _PLAYLISTS:
                others.append(file)
            elif not file.exists() and not (path.parent / text).exists():
                absent += length
            length = Fraction(0)
    if depth < _DEEPEST:
        return absent + min(
            (absent_seconds(other, depth=depth + 1) for other in others if other.is_file()), default=Fraction(0)
        )
    return absent
