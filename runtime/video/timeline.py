"""Times that run on where those of a file jump: streams joined end to end, clocks that wrap or start anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import av
from av.container import InputContainer
from av.stream import Stream

from tsn.runtime.video.film import can_be_decoded, film_of
from tsn.runtime.video.nvdec.frames import Decoded, DeviceFrame

_TIMES_MAY_JUMP: Final = 0x0200  # AVFMT_TS_DISCONT, among the flags of a format: transport and program streams
_AHEAD: Final = 10  # seconds a track of such a format may be silent; by more it has jumped, as FFmpeg has it
_BACK: Final = Fraction(1, 10)  # seconds that they may go back by without a jump, as FFmpeg has it
OVERLAP: Final = Fraction(1)  # seconds that one track may begin before another that follows the same jump
_MOST_HELD: Final = 1000  # packets on the way to a start: some streams have no key frames

if TYPE_CHECKING:
    Packet = av.Packet[Any]  # of any stream; its class takes no type when it runs


def times_may_jump(container: InputContainer) -> bool:
    """Whether the format is one whose times may jump: what lies where is known only from its beginning on."""
    return bool(container.format.flags & _TIMES_MAY_JUMP)


def origin_of(container: InputContainer) -> Fraction:
    """Seconds into the file that are its beginning. Other formats say by times below 0 what is not to be shown."""
    start = Fraction(container.start_time or 0, av.time_base)
    return start if times_may_jump(container) else max(Fraction(0), start)


def packets_of(container: InputContainer, also: Iterable[Stream] = ()) -> Iterator[Packet]:
    """The packets of the film, of every sound track that can be decoded and of `also`, with times that run on.

    Whoever reads the same file from the same place gets the same times, whatever part of the packets is of use to him:
    so picture and sound, read apart, stay together.
    """
    film = film_of(container)
    leading: dict[int, Stream] = {} if film is None else {film.index: film}
    leading |= {stream.index: stream for stream in container.streams.audio if can_be_decoded(stream)}
    timeline = _Timeline(leading, may_jump=times_may_jump(container))
    streams = {**leading, **{stream.index: stream for stream in also}}
    with suppress(IndexError):  # PyAV, at the end, where a track has turned up that was not there at the beginning
        for packet in container.demux([*streams.values()]):
            timeline.place(packet)
            yield packet


def from_key_frame(packets: Iterator[Packet], ticks: int) -> Iterator[Packet]:
    """What is to be decoded for the frames from `ticks` on: nothing before the last key frame up to there."""
    held: list[Packet] = []
    for packet in packets:
        if packet.is_keyframe and packet.pts is not None and packet.pts <= ticks:
            held.clear()
        held.append(packet)
        if len(held) >= _MOST_HELD or (packet.dts is not None and packet.dts > ticks):
            break
    yield from held
    yield from packets


def in_parts(stream: av.VideoStream) -> bool:
    """Whether the edit list of a file shows several parts of a track, so that places in it have several times."""
    return any(later.timestamp < earlier.timestamp for earlier, later in pairwise(stream.index_entries))


def run_on(frames: Iterable[Decoded], *, lasts: Callable[[Decoded], int]) -> Iterator[Decoded]:
    """Yield the frames of a track in parts, each part where the one before it ends.

    FFmpeg places a part by times of decoding, which lie before those of presentation by as much as frames are
    reordered: the second part would begin while the first is shown. `lasts` says for how many ticks a frame is shown.
    """
    shift, last, following = 0, None, 0
    for frame in frames:
        if frame.pts is None:
            yield frame
            continue
        if last is not None and frame.pts + shift <= last:
            shift = following - frame.pts
        last = frame.pts + shift
        following = last + lasts(frame)
        yield _at(frame, last)


def _at(frame: Decoded, ticks: int) -> Decoded:
    if isinstance(frame, DeviceFrame):
        return replace(frame, pts=ticks)
    frame.pts = ticks
    return frame


@dataclass(slots=True)
class _Track:
    """Where a track is. In seconds."""

    shift: Fraction  # a track that has not come to the jump of another yet keeps its own
    decoded: Fraction  # when its last packet is decoded
    following: Fraction  # when its next is to be decoded
    shown: Fraction  # until when its packets are shown


class _Timeline:
    """Shifts the times of packets, for all tracks alike, by what the tracks in `leading` have jumped."""

    def __init__(self, leading: Iterable[int], *, may_jump: bool) -> None:
        self._leading = frozenset(leading)
        self._may_jump = may_jump
        self._shift = Fraction(0)  # seconds; the newest
        self._tracks: dict[int, _Track] = {}

    def place(self, packet: Packet) -> None:
        """Set the times of the next packet of the file."""
        base = packet.time_base
        track = self._tracks.get(packet.stream.index)
        shift = self._shift if track is None else track.shift
        shown_at_all = not packet.is_discard  # what an edit list hides has times that lie anywhere
        if packet.dts is not None and shown_at_all and packet.stream.index in self._leading:
            decoded = packet.dts * base
            shown = decoded if packet.pts is None else packet.pts * base
            if track is not None and not self._follows(track, decoded + shift):
                if not self._follows(track, decoded + self._shift, back=OVERLAP):
                    self._shift = self._resumed(track, decoded, shown)
                shift = self._shift
            step = Fraction(0) if track is None else max(decoded + shift - track.decoded, Fraction(0))
            lasts = (packet.duration or 0) * base or step
            until = shown + shift + lasts
            self._tracks[packet.stream.index] = _Track(
                shift=shift,
                decoded=decoded + shift,
                following=decoded + shift + lasts,
                shown=until if track is None else max(track.shown, until),
            )
        if shift and packet.pts is not None:
            packet.pts += round(shift / base)
        if shift and packet.dts is not None:
            packet.dts += round(shift / base)

    def _follows(self, track: _Track, decoded: Fraction, *, back: Fraction | None = None) -> bool:
        if back is None:  # times of decoding that a format does not store are a guess
            back = _BACK if self._may_jump else OVERLAP
        farthest = max(other.following for other in self._tracks.values())  # a track may be silent while others go on
        return track.decoded - back <= decoded and (not self._may_jump or decoded <= farthest + _AHEAD)

    def _resumed(self, track: _Track, decoded: Fraction, shown: Fraction) -> Fraction:
        """The shift after a jump: on with the track's next packet, or later where another track lasts longer."""
        own = max(track.following - decoded, track.shown - shown)
        near = (other.following for other in self._tracks.values() if abs(other.following - track.following) <= _AHEAD)
        longest = max(near) - decoded  # a track farther off has a clock of its own
        return longest if longest - own > _BACK else own
