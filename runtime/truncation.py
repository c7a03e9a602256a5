"""Whether a video file ends before its own structure says that it should."""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Final

_TAIL: Final = 4096  # bytes: a download that was broken off may end in zeros


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
