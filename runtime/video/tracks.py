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
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.error import FFmpegError, InvalidDataError
from av.stream import Discard, Disposition, Stream

from tsn.runtime.video.tags import carry_track_tags
from tsn.runtime.video.timeline import OVERLAP, origin_of, packets_of, times_may_jump

_DAMAGE = "a part of the audio or subtitles could not be read: the input is damaged"
_AAC_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000})
_LAYOUTS = {1: "mono", 2: "stereo", 4: "quad", 6: "5.1", 8: "7.1"}  # of an encoder, by its number of channels
_STEADY = {"async": "1", "min_hard_comp": "0.04"}  # gaps from 0.04 s on become silence: encoders know of no gaps
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
        self._shown = False
        self._last: dict[int, int] = {}  # of each track: dts of the last packet copied, end of the last frame encoded
        self._encoded: dict[int, tuple[Any, AudioResampler]] = {}  # of the output, by that of the input
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
        for stream, resampler in self._encoded.values():
            for frame in resampler.resample(None):
                self._output.mux(stream.encode(frame))
            self._output.mux(stream.encode(None))

    def close(self) -> None:
        """Release the input."""
        self._input.close()

    def _add(self, stream: Stream) -> None:
        container = self._output.format.name
        name = f"{stream.type} track {stream.index}"
        if stream.type == "video":
            if stream.disposition & Disposition.attached_pic:
                self.notes.append(f"{name}, a cover picture, is left out")
            elif self._shown:
                self.notes.append(f"{name}, a second picture, is left out")
            else:  # the one that the video reader takes
                self._shown = True
            return
        codec = getattr(stream, "codec_context", None) and stream.codec_context.name
        if stream.type == "attachment" and "matroska" in container:
            self._output.add_stream_from_template(stream)
        elif stream.type in ("audio", "subtitle") and _holds(container, stream):
            copy = self._output.add_stream_from_template(stream)
            carry_track_tags(stream, copy)
            self._copied[stream.index] = copy
        elif isinstance(stream, av.AudioStream) and codec:
            self._encode_again(stream, name, codec)
        elif stream.discard != Discard.all:  # the text of MP4 chapters, which are read and kept as such
            self.notes.append(f"{name} ({codec or 'data'}) is left out: {container} cannot hold it. An .mkv output may")

    def _encode_again(self, stream: av.AudioStream, name: str, codec: str) -> None:
        target = self._output.default_audio_codec
        if target == "none":
            self.notes.append(f"{name} ({codec}) is left out: {self._output.format.name} holds no audio")
            return
        target = {"opus": "libopus", "vorbis": "libvorbis"}.get(target, target)
        context = stream.codec_context
        rate = 48_000 if target == "libopus" or context.sample_rate not in _AAC_RATES else context.sample_rate
        layout = _LAYOUTS.get(context.layout.nb_channels, "stereo")
        encoder = self._output.add_stream(target, rate=rate)
        assert isinstance(encoder, av.AudioStream)
        encoder.codec_context.layout = layout
        carry_track_tags(stream, encoder)
        encoder.codec_context.open()
        self._encoded[stream.index] = (encoder, _resampler_for(encoder))
        self.notes.append(
            f"{name} ({codec}) is encoded again as {target}: {self._output.format.name} cannot hold {codec}"
        )

    def _demux(self) -> Iterator[Packet]:
        streams = [self._input.streams[index] for index in (*self._copied, *self._encoded)]
        if not streams:
            return
        cut = self._origin > origin_of(self._input)
        if cut and not times_may_jump(self._input):
            with suppress(FFmpegError):  # where it cannot seek, what lies before the origin is passed over below
                self._input.seek(int(self._origin * av.time_base))
        taken = {stream.index for stream in streams}
        try:
            for packet in packets_of(self._input, also=streams):
                if packet.stream.index not in taken or (packet.dts is None and packet.pts is None):
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

    def _write(self, packet: Packet) -> None:
        index = packet.stream.index
        if index in self._encoded:
            self._write_encoded(packet)
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

    def _write_encoded(self, packet: Packet) -> None:
        stream, resampler = self._encoded[packet.stream.index]
        try:
            decoded_frames = packet.decode()
        except FFmpegError:  # a decoder has many names for damage
            self._note_damage()
            return
        for decoded in decoded_frames:
            assert isinstance(decoded, av.AudioFrame)
            if decoded.pts is not None and decoded.time_base is not None:
                decoded.pts -= round(self._origin / decoded.time_base)
            try:
                frames = resampler.resample(decoded)
            except ValueError:  # from here on the sound has another layout or rate
                resampler = _resampler_for(stream)
                self._encoded[packet.stream.index] = (stream, resampler)
                frames = resampler.resample(decoded)
            for frame in frames:
                if frame.pts is not None:
                    if frame.pts < self._last.get(packet.stream.index, frame.pts):
                        continue  # a new resampler begins a little before the old one ended
                    self._last[packet.stream.index] = frame.pts + frame.samples
                self._output.mux(stream.encode(frame))


def _holds(container: str, stream: Stream) -> bool:
    """Whether a container format takes a stream as it is: asked of the muxer, whose own list of codecs is too long."""
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


def _resampler_for(stream: av.AudioStream) -> AudioResampler:
    """What gives the encoder of `stream` sound as it takes it."""
    context = stream.codec_context
    return AudioResampler(
        format=context.format,
        layout=context.layout,
        rate=context.sample_rate,
        frame_size=context.frame_size,
        options=_STEADY,
    )


def _time(packet: Packet) -> Fraction:
    ticks = packet.pts if packet.pts is not None else packet.dts
    assert ticks is not None
    return ticks * packet.time_base
