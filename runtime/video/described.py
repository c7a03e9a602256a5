"""What FFmpeg says of a file in words and PyAV hands out in no other way: codecs without decoder, crops, side data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import av.logging
from av.container import InputContainer

_TRACK: Final = re.compile(r"  Stream #0:(\d+)\S*: \w+: (\S+)(?: \((\S+) / 0x[0-9A-F]+\))?")
_SIDE_DATA: Final = re.compile(r"      ([A-Za-z0-9 ]+): ?(.*)")
_DESCRIBING: Final = Lock()  # FFmpeg describes by its log, of which there is one


@dataclass(frozen=True, slots=True)
class TrackDescription:
    """FFmpeg's description of a track.

    Attributes:
        codec: its name or, where FFmpeg does not know it, the four letters that the file has for it.
        side_data: what goes with all of the track, by FFmpeg's name for it in small letters.
    """

    codec: str
    side_data: dict[str, str] = field(default_factory=dict[str, str])


def described_tracks(container: InputContainer) -> Mapping[int, TrackDescription]:
    """Return the descriptions of the tracks, by index."""
    tracks: dict[int, TrackDescription] = {}
    track, in_side_data = None, False
    for line in _words(container).splitlines():
        if found := _TRACK.match(line):
            name, letters = found[2].rstrip(","), found[3]
            tracks[int(found[1])] = track = TrackDescription(letters if name == "none" and letters else name)
            in_side_data = False
        elif not line.startswith("      "):
            in_side_data = line == "    Side data:"
        elif track is not None and in_side_data and (found := _SIDE_DATA.match(line)):
            track.side_data[found[1].lower()] = found[2].strip()
    return tracks


def _words(container: InputContainer) -> str:
    described: Any = container  # PyAV's types lack the method
    with _DESCRIBING:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        try:
            return described.dumps_format()
        finally:
            av.logging.set_level(level)
