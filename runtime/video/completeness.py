"""What a video file promises to hold, and how much of that a reading did not find."""

import struct
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.container import InputContainer
from av.index import IndexEntry

from tsn.runtime.video.film import USUAL_RATE, seconds_of
from tsn.runtime.video.playlist import absent_seconds
from tsn.runtime.video.timeline import times_may_jump

# Codecs in which a packet may hold no frame or two: their packets say nothing about how many frames there should be.
_LOOSELY_PACKED: Final = frozenset(
    {"mpeg4", "msmpeg4v2", "msmpeg4v3", "mpeg1video", "mpeg2video", "vc1", "wmv3", "flv1", "vp9"}
)

_TAIL: Final = 4096  # bytes: a download that was broken off may end in zeros


class DeclaredLength:
    """What the headers of a file say of its video track. Times are in seconds into the file.

    Attributes:
        cut_off: whether the file ends before its own structure says; None where that cannot be known.
        end: when the last frame's display ends, or None where the file does not say.
        frames: how many frames there are, or None where the file does not say.
    """

    def __init__(self, path: Path, container: InputContainer, stream: av.VideoStream) -> None:
        self._stream = stream
        self._size = path.stat().st_size
        self._indexed = container.format.name.split(",")[0] in ("mov", "avi")
        self._loose = stream.codec_context.name in _LOOSELY_PACKED
        self.cut_off = ends_early(path, container.format.name)
        self._absent = absent_seconds(path) if container.format.name == "hls" else Fraction(0)
        self._in_a_fragment = ends_in_a_fragment(path, container.format.name)
        self.end = None if times_may_jump(container) else self._end(container)
        self.frames = self._frames()

    def missing(self, *, packets: int, frames: int) -> int:
        """Frames that a reading of the whole file should have given beyond the `frames` it gave from its `packets`.

        At least: how many were to follow a fragment in which a file is cut off, nothing says.
        """
        if self._absent:
            return max(1, round(self._absent * (self._stream.guessed_rate or USUAL_RATE)))
        self.frames = self._frames()  # a fragmented file's index is whole only now
        promised = 0 if self._indexed and self.cut_off else self.frames or 0
        missing = max(0 if self._loose else packets, promised) - frames
        if self._loose and missing <= 2 + (frames + missing) // 50:  # packets without a picture, not pictures lost
            return 0
        return max(1 if self._in_a_fragment else 0, missing)

    def unread(self, after: Fraction, *, until: Fraction | None, rate: Fraction) -> int:
        """Frames between `after`, where the last one read ends, and `until`, that lie behind the end of a cut-off file.

        Where only times are known, `rate` says how many frames a second there would have been.
        """
        if self._indexed and not self.cut_off:
            base = self._stream.time_base or Fraction(1)
            behind = [entry for entry in self._entries() if entry.pos + entry.size > self._size]
            return sum(until is None or entry.timestamp * base < until for entry in behind)
        if self.end is None or self.cut_off is False:
            return 0
        short = round(((self.end if until is None else min(self.end, until)) - after) * rate)
        return max(0, short) if self.cut_off or short > 1 else 0  # a header may be rounded by one frame

    def _entries(self) -> list[IndexEntry]:
        """The index, without what an edit list hides and what repeats the frame before."""
        return [entry for entry in self._stream.index_entries if entry.size and not entry.is_discard]

    def _frames(self) -> int | None:
        indexed = len(self._entries()) if self._indexed and not self.cut_off else 0
        return indexed if indexed > 1 else self._stream.frames or None

    def _end(self, container: InputContainer) -> Fraction | None:
        stream = self._stream
        base = stream.time_base or Fraction(1)
        if self.cut_off and self._indexed:  # AVI: what is called its duration is what is left of it
            return stream.frames * base
        if stream.duration:
            return ((stream.start_time or 0) + stream.duration) * base
        if length := seconds_of(stream.metadata.get("DURATION", "")):  # Matroska
            return length
        if self.cut_off and container.duration:  # of Matroska and FLV: it counts from 0 on
            return Fraction(container.duration, av.time_base)
        return None


def ends_early(path: Path, format_name: str) -> bool | None:
    """Whether the file is cut off, or None for a format that does not say. `format_name` is FFmpeg's."""
    check = _CHECKS.get(format_name)
    if check is None:
        return None
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        if not any(file.read()):
            return True
        file.seek(0)
        return check(file, size)


def ends_in_a_fragment(path: Path, format_name: str) -> bool:
    """Whether a fragmented MP4 ends before its last box does: what was to follow, nothing in the file says."""
    if not format_name.startswith("mov,mp4"):
        return False
    size, position, fragmented = path.stat().st_size, 0, False
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:  # the length stands behind the name, in eight bytes
                length = int.from_bytes(header[8:16], "big")
            if length < 8:  # 0: to the end of the file
                return False
            fragmented = fragmented or header[4:8] == b"moof"
            position += length
    return fragmented and position > size


def _matroska(file: BinaryIO, size: int) -> bool:
    """A segment states how long it is, or that it does not know: a live stream."""
    while len(identifier := file.read(4)) == 4:
        length = _matroska_number(file)
        if identifier == b"\x18\x53\x80\x67":
            return length is not None and file.tell() + length > size
        if length is None:
            return False
        file.seek(length, 1)
    return False


def _matroska_number(file: BinaryIO) -> int | None:
    """A number of 1 to 8 bytes, as many as its first byte has leading zeros and one more; None where it is unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    number = int.from_bytes(first + file.read(length - 1), "big") - (1 << 7 * length)
    return None if number == (1 << 7 * length) - 1 else number


def _avi(file: BinaryIO, size: int) -> bool:
    """One RIFF chunk follows another, each with its length; 0 where the recorder was never stopped."""
    position = 0
    while position < size:
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or header[:4] != b"RIFF":
            return False
        (length,) = struct.unpack("<I", header[4:])
        if not length:
            return False
        position += 8 + length
    return position > size + 1  # the byte that fills up an odd length may be left out


def _asf(file: BinaryIO, size: int) -> bool:
    """The file properties state the size of the file; 0 in a live stream."""
    header = file.read(65536)
    at = header.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))  # the object's GUID, size 8, file's GUID 16
    return at >= 0 and int.from_bytes(header[at + 40 : at + 48], "little") > size


def _flv(file: BinaryIO, size: int) -> bool:
    """Behind every tag stands how long it was, so also at the end of the file."""
    if size < 15:
        return True
    file.seek(size - 4)
    length = int.from_bytes(file.read(4), "big")
    if not 11 <= length <= size - 4:
        return True
    file.seek(size - 4 - length + 1)
    return int.from_bytes(file.read(3), "big") + 11 != length


_CHECKS: Final[Mapping[str, Callable[[BinaryIO, int], bool]]] = {
    "matroska,webm": _matroska,
    "avi": _avi,
    "asf": _asf,
    "flv": _flv,
}
