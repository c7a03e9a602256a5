"""What a video file promises to hold, and how much of that a reading did not find."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.index import IndexEntry

from tsn.runtime.timeline import times_may_jump
from tsn.runtime.truncation import ends_early, ends_in_a_fragment

# Codecs in which a packet may hold no frame or two: their packets say nothing about how many frames there should be.
_LOOSELY_PACKED: Final = frozenset(
    {"mpeg4", "msmpeg4v2", "msmpeg4v3", "mpeg1video", "mpeg2video", "vc1", "wmv3", "flv1", "vp9"}
)


class Promise:
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
        self._in_a_fragment = ends_in_a_fragment(path, container.format.name)
        self.end = None if times_may_jump(container) else self._end(container)
        self.frames = self._frames()

    def missing(self, *, packets: int, frames: int) -> int:
        """Frames that a reading of the whole file should have given beyond the `frames` it gave from its `packets`.

        At least: how many were to follow a fragment in which a file is cut off, nothing says.
        """
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
        if text := stream.metadata.get("DURATION"):  # Matroska
            hours, minutes, seconds = text.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        if self.cut_off and container.duration:  # of Matroska and FLV: it counts from 0 on
            return Fraction(container.duration, av.time_base)
        return None
