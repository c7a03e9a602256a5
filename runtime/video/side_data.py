"""What goes with the picture of a video and no output holds: said by name, never lost without a word."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import av

# By FFmpeg's name. What is not here is used up by decoding, or says nothing about the picture.
_NAMES: Final[Mapping[str, str]] = {
    "A53_CC": "closed captions inside the picture's stream",
    "SPHERICAL": "that the picture is 360 degrees",
    "STEREO3D": "that the picture is stereoscopic",
    "MASTERING_DISPLAY_METADATA": "the mastering display of HDR",
    "CONTENT_LIGHT_LEVEL": "the light levels of HDR",
    "DYNAMIC_HDR_PLUS": "the dynamic metadata of HDR10+",
    "DYNAMIC_HDR_VIVID": "the dynamic metadata of HDR Vivid",
    "DOVI_METADATA": "the dynamic metadata of Dolby Vision",
    "DOVI_RPU_BUFFER": "the dynamic metadata of Dolby Vision",
    "AMBIENT_VIEWING_ENVIRONMENT": "the viewing environment of HDR",
    "S12M_TIMECODE": "timecodes inside the picture's stream",
    "ICC_PROFILE": "the ICC profile",
}
_SPHERICAL: Final = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")  # Google's box, which FFmpeg mostly passes over


def side_data_of(frame: av.VideoFrame) -> Iterator[tuple[str, bytes]]:
    """Yield what goes with a frame: FFmpeg's name for it, and its bytes."""
    found: Any = frame.side_data  # PyAV's types take it for a mapping
    for side_data in found:
        yield side_data.type.name, bytes(side_data)


class SideData:
    """Collects what goes with the frames of a video."""

    def __init__(self, path: Path, format_name: str) -> None:
        self._names: set[str] = set()
        if format_name.startswith("mov,mp4") and _SPHERICAL in _moov(path):
            self._names.add(_NAMES["SPHERICAL"])

    def add(self, frame: av.VideoFrame) -> None:
        """Look at a decoded frame."""
        self._names.update(_NAMES[name] for name, _ in side_data_of(frame) if name in _NAMES)
        if any(component.is_alpha for component in frame.format.components):
            self._names.add("transparency")

    @property
    def notes(self) -> list[str]:
        """A line for people about all of it, where there is some."""
        return [f"not carried over: {', '.join(sorted(self._names))}"] if self._names else []


def _moov(path: Path) -> bytes:
    """Return the box of an MP4 that describes its tracks; nothing where there is none."""
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position + 16 <= size:
            file.seek(position)
            length, name, large = struct.unpack(">I4sQ", file.read(16))
            length = {0: size - position, 1: large}.get(length, length)
            if name == b"moov":
                file.seek(position)
                return file.read(length)
            position += max(length, 8)
    return b""
