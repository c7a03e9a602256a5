"""The tracks beside the picture: audio and subtitles, copied packet for packet from the input to the output."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.stream import Discard, Disposition, Stream

from tsn.runtime.video.described import described_tracks
from tsn.runtime.video.film import can_be_decoded, film_of
from tsn.runtime.video.sound import SoundEncoder
from tsn.runtime.video.tags import TIMECODE, carry_track_tags
from tsn.runtime.video.timeline import OVERLAP, in_parts, origin_of, packets_of, times_may_jump

_DAMAGE = "a part of the audio or subtitles could not be read: the input is damaged"
_HIDING = frozenset({"mp4", "mov"})  # formats that can hold what is before the beginning
_LEAD_IN = Fraction(1, 10)  # seconds of sound that a decoder needs before it gives what was meant
_EQUAL_TIMES = 0x20000  # AVFMT_TS_NONSTRICT, among the flags of a format: two packets of a track may have one time
_LEAST_STEP = Fraction(1, 1000)  # seconds between them in the others: a tick of the coarsest
_INTERLEAVING = 10  # seconds that the tracks of a file may lie apart: past stop by more, every track is

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet


class TrackCopier:
    """Copies the audio, subtitle and attachment tracks of `source` into `output`, in step with the video.

    Their times are shifted by -origin. A track that the output's container cannot hold is encoded again (audio) or
    left out (others); `notes` says so. The input is read a second time, beside the video reader, so that neither waits
    for the other.
    """

    def __init__(
        self, source: Path, output: OutputContainer, *, origin: Fraction, stop: Fraction | None, whole: bool
    ) -> None:
        self.notes: list[str] = []
        self._output: Any = output  # PyAV leaves open what stream its packets are of
        self._origin = origin
        self._stop = stop
        self._whole = whole
        self._step = 0 if output.format.flags & _EQUAL_TIMES else _LEAST_STEP
        self._input = av.open(str(source.absolute()), "r", metadata_errors="replace")
        self._copied: dict[int, Stream] = {}
        film = film_of(self._input)
        self._film = None if film is None else film.index
        self._described = described_tracks(self._input)
        self._last: dict[int, int] = {}  # of each track: dts of the last packet copied
        self._encoded: dict[int, SoundEncoder] = {}
        self._heard: set[int] = set()  # tracks of which a packet came that is not hidden
        self._hides = output.format.name in _HIDING
        for stream in self._input.streams:
            self._add(stream)
        self._packets = self._demux()
        self._waiting: Packet | None = next(self._packets, None)

    def up_to(self, time: Fraction) -> None:
        """Write every packet that is due at or before `time`, seconds of the output."""
        while self._waiting is not None and _time(self._waiting) - self._origin <= time:
            self._write(self._waiting)
            self._waiting = next(self._packets, None)

    def finish(self, until: Fraction, *, early: bool = False) -> None:
        """Write what is left, or up to `until` where the video was cut or ends early; flush what is encoded again."""
        whole = self._whole and not early
        if not whole:
            self.up_to(until)
        while whole and self._waiting is not None:
            self._write(self._waiting)
            self._waiting = next(self._packets, None)
        for encoder in self._encoded.values():
            for encoded in encoder.rest():
                self._output.mux(encoded)

    def close(self) -> None:
        """Release the input."""
        self._input.close()

    def _add(self, stream: Stream) -> None:
        container, description = self._output.format.name, self._described[stream.index]
        name = f"{stream.type} track {stream.index}"
        if stream.type == "video":
            if stream.disposition & Disposition.attached_pic:
                self.notes.append(f"{name}, a cover picture, is left out")
            elif stream.index != self._film:
                self.notes.append(f"{name}, a second picture, is left out")
        elif stream.type == "attachment" and "matroska" in container:
            self._output.add_stream_from_template(stream)
        elif stream.type in ("audio", "subtitle") and _holds(container, stream):
            copy = self._output.add_stream_from_template(stream)
            carry_track_tags(stream, copy)
            self._copied[stream.index] = copy
        elif isinstance(stream, av.AudioStream) and can_be_decoded(stream):
            self._encode_again(stream, name, description.codec)
        elif stream.type in ("audio", "subtitle") and not can_be_decoded(stream):
            self.notes.append(f"{name} is left out: this FFmpeg has no decoder for {description.codec}")
        elif stream.discard != Discard.all and description.codec != TIMECODE:  # not read: the text of MP4 chapters
            cure = "" if container == "matroska" or not _holds("matroska", stream) else ". An .mkv output can"
            self.notes.append(f"{name} ({description.codec}) is left out: {container} cannot hold it{cure}")

    def _encode_again(self, stream: av.AudioStream, name: str, codec: str) -> None:
        container = self._output.format.name
        try:
            encoder = SoundEncoder(stream, self._output)
        except (FFmpegError, ValueError) as error:
            self.notes.append(f"{name} ({codec}) is left out: {error}")
            return
        self._encoded[stream.index] = encoder
        self.notes.append(f"{name} ({codec}) is encoded again as {encoder.note}: {container} cannot hold {codec}")

    def _demux(self) -> Iterator[Packet]:
        streams = [self._input.streams[index] for index in (*self._copied, *self._encoded)]
        if not streams:
            return
        cut = self._origin > origin_of(self._input)
        parts = any(in_parts(stream) for stream in self._input.streams.video)
        if cut and not parts and not times_may_jump(self._input):
            with suppress(FFmpegError):  # where it cannot seek, what lies before the origin is passed over below
                self._input.seek(int(self._origin * av.time_base))
        taken = {stream.index for stream in streams}
        try:
            for packet in packets_of(self._input, also=streams):
                if packet.stream.index not in taken or (packet.dts is None and packet.pts is None):
                    continue
                if packet.stream.index in self._copied and self._is_unheard(packet):
                    continue
                if _time(packet) + (packet.duration or 0) * packet.time_base <= self._origin and cut:
                    continue
                if self._stop is not None and _time(packet) >= self._stop:
                    if _time(packet) >= self._stop + _INTERLEAVING:
                        return
                    continue
                yield packet
        except FFmpegError:
            self._note_damage()

    def _is_unheard(self, packet: Packet) -> bool:
        """Whether an edit list hides a packet, and the output need not hold it.

        The last ones before the first that is heard lead a decoder in. A format that cannot hide them would begin all
        tracks later, by as much as the sound begins earlier; so there at most half of a packet lies before.
        """
        index, before = packet.stream.index, self._origin - _time(packet)
        if not packet.is_discard:
            self._heard.add(index)
            early = 2 * before > (packet.duration or 0) * packet.time_base
            return early and not self._hides and packet.stream.type == "audio"
        return not self._hides or index in self._heard or before > _LEAD_IN

    def _write(self, packet: Packet) -> None:
        index = packet.stream.index
        if index in self._encoded:
            try:
                for encoded in self._encoded[index].encoded(packet, origin=self._origin):
                    self._output.mux(encoded)
            except FFmpegError:  # a decoder has many names for damage
                self._note_damage()
            return
        shift = round(self._origin / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        packet.dts = None if packet.dts is None else packet.dts - shift
        packet.stream = self._copied[index]
        last = self._last.get(index)
        if packet.dts is not None and last is not None and packet.dts < last + self._step / packet.time_base:
            if (last - packet.dts) * packet.time_base > OVERLAP:
                self._note_damage()
                return
            # Where two parts are joined, the second may begin before the sound of the first ends.
            packet.dts = math.ceil(last + self._step / packet.time_base)
            packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
        if packet.dts is not None:
            self._last[index] = packet.dts
        try:
            self._output.mux(packet)
        except InvalidDataError:  # a container may look into the packet: AAC from a transport stream into MP4
            self._note_damage()

    def _note_damage(self) -> None:
        if _DAMAGE not in self.notes:
            self.notes.append(_DAMAGE)


def _holds(container: str, stream: Stream) -> bool:
    """Whether a container format takes a stream as it is: asked of the muxer, whose own list of codecs is too long."""
    if stream.type not in ("audio", "subtitle") or not can_be_decoded(stream):
        return False  # PyAV copies no other
    if container == "mp4" and stream.codec_context.name.startswith("pcm_"):
        return False  # the muxer may take it, hardly a player does
    try:
        with av.open(io.BytesIO(), "w", format=container.split(",")[0]) as trial:
            copy: Any = trial
            copy.add_stream_from_template(stream)
            copy.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def _time(packet: Packet) -> Fraction:
    ticks = packet.pts if packet.pts is not None else packet.dts
    assert ticks is not None
    return ticks * packet.time_base
