"""Sound that a container cannot hold, encoded again as one that it can."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.error import FFmpegError

from tsn.runtime.video.tags import carry_track_tags

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet

_ENCODERS: Final = {"opus": "libopus", "vorbis": "libvorbis"}  # by the name of the codec, where FFmpeg's own is worse
_STEADY: Final = {"async": "1", "min_hard_comp": "0.04"}  # gaps from 0.04 s on become silence: encoders know of none
# By the number of channels, the usual layouts; encoders take some of them.
_LAYOUTS: Final = {
    1: ("mono",),
    2: ("stereo",),
    3: ("3.0",),
    4: ("4.0", "quad"),
    5: ("5.0",),
    6: ("5.1",),
    7: ("6.1",),
    8: ("7.1",),
}
_FEWER: Final = ("7.1", "5.1", "stereo", "mono")  # where an encoder does not take as many channels


class SoundEncoder:
    """A sound track of `output` with the sound of `source`, encoded again.

    Raises ValueError where the container of `output` holds no sound, or its encoder takes none such.

    Attributes:
        note: how it is encoded, for people: the encoder, and what it had to change.
    """

    def __init__(self, source: av.AudioStream, output: OutputContainer) -> None:
        given = source.codec_context
        name = encoder_for(output, source)
        codec = av.Codec(name, "w")
        rate = _rate(codec.audio_rates, given.sample_rate)
        sample_format = _format(codec, given.format)
        layout = _layout(name, given.layout, rate=rate, sample_format=sample_format)
        opened: Any = output  # PyAV leaves open what its streams encode to
        self._stream: Any = opened.add_stream(name, rate=rate)
        context = self._stream.codec_context
        context.layout, context.format = layout, sample_format
        carry_track_tags(source, self._stream)
        context.open()
        self._resampler = self._new_resampler()
        self._ends: int | None = None  # of the last frame that was encoded, in samples
        channels, kept = given.layout.nb_channels, av.AudioLayout(layout).nb_channels
        changes = [f"at {rate} instead of {given.sample_rate} Hz"] if rate != given.sample_rate else []
        changes += [f"with {kept} channels instead of {channels}"] if kept != channels else []
        self.note = " ".join([name, *changes])

    def encoded(self, packet: Packet, *, origin: Fraction) -> Iterator[Any]:
        """Yield what a packet becomes, with times that begin at `origin`. Raises FFmpegError where it is damaged."""
        for decoded in packet.decode():
            assert isinstance(decoded, av.AudioFrame)
            if decoded.pts is not None and decoded.time_base is not None:
                decoded.pts -= round(origin / decoded.time_base)
            try:
                frames = self._resampler.resample(decoded)
            except ValueError:  # from here on the sound has another layout or rate
                self._resampler = self._new_resampler()
                frames = self._resampler.resample(decoded)
            for frame in frames:
                if frame.pts is not None:
                    if self._ends is not None and frame.pts < self._ends:
                        continue  # a new resampler begins a little before the old one ended
                    self._ends = frame.pts + frame.samples
                yield from self._stream.encode(frame)

    def rest(self) -> Iterator[Any]:
        """Yield what is still on its way."""
        for frame in self._resampler.resample(None):
            yield from self._stream.encode(frame)
        yield from self._stream.encode(None)

    def _new_resampler(self) -> AudioResampler:
        context = self._stream.codec_context
        return AudioResampler(
            format=context.format,
            layout=context.layout,
            rate=context.sample_rate,
            frame_size=context.frame_size,
            options=_STEADY,
        )


def encoder_for(output: OutputContainer, source: av.AudioStream) -> str:
    """Return the encoder for the sound of `source`: FLAC in Matroska where nothing is lost yet, else what is usual.

    Raises ValueError where the container holds no sound.
    """
    if output.format.name == "matroska":
        codec = source.codec_context.codec
        return "flac" if codec.lossless or codec.name.startswith("pcm_") else "aac"
    usual = output.default_audio_codec
    if usual == "none":
        raise ValueError(f"{output.format.name} holds no audio")
    return _ENCODERS.get(usual, usual)


def _rate(taken: list[int] | None, given: int) -> int:
    """Return the rate, in Hz, that an encoder takes and that loses nothing, or the highest."""
    if not taken or given in taken:
        return given
    return min((rate for rate in taken if rate >= given), default=max(taken))


def _format(codec: av.Codec, given: av.AudioFormat) -> str:
    """Return the sample format that an encoder takes and that loses nothing, or the most exact."""
    taken = sorted(codec.audio_formats or [given], key=lambda sample_format: sample_format.bytes)
    return next((one for one in taken if one.bytes >= given.bytes), taken[-1]).name


def _layout(encoder: str, given: av.AudioLayout, *, rate: int, sample_format: str) -> str:
    """Return the layout that an encoder takes: that of the sound, one with as many channels, or one with fewer."""
    names = [given.name.removesuffix("(side)"), given.name, *_LAYOUTS.get(given.nb_channels, ())]
    for name in (*names, *_FEWER):
        context = av.CodecContext.create(encoder, "w")
        assert isinstance(context, av.AudioCodecContext)
        try:
            context.sample_rate, context.format, context.layout = rate, sample_format, name
            context.open()
        except (FFmpegError, ValueError):
            continue
        return name
    raise ValueError(f"{encoder} takes no sound of {rate} Hz")
