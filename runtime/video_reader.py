"""Videos in: every frame once, upright, as RGB with its own time; what is missing is counted."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from tsn.runtime.colour import RgbFromVideo, colour_of
from tsn.runtime.errors import InputError
from tsn.runtime.geometry import Size
from tsn.runtime.job import Settings
from tsn.runtime.pipeline import Frame

# Codecs in which a packet may hold no frame or two: their packets say nothing about how many frames there should be.
_LOOSELY_PACKED = frozenset(
    {"mpeg4", "msmpeg4v2", "msmpeg4v3", "mpeg1video", "mpeg2video", "vc1", "wmv3", "flv1", "vp9"}
)
_USUAL_RATE = Fraction(25)  # for a stream that states none


class VideoReader:
    """A video's frames, as the settings cut and scale them.

    Iterate it once; then `missing` and `damaged` count what was lost.

    Attributes:
        input_size: of the file's frames, upright.
        size: of the frames given, upright.
        rate: frames a second on average, exact.
        time_base: seconds of one tick; every frame's time is a multiple of it.
        colour: how the file's numbers become colours.
        expected: frames that will come, or None where the file does not say.
        missing: frames that the file promises and that could not be decoded.
        damaged: frames that were decoded from damaged data.
        origin: seconds into the file that became time 0 of the output.
        stop: seconds into the file at which reading ends, or None.
        whole: no part was cut away.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        start, duration = settings.start, settings.duration
        self.path = path
        self.missing = 0
        self.damaged = 0
        self._container = _open(path)
        self._stream = _video_stream(self._container, path)
        self._stream.thread_type = "AUTO"
        self.whole = start is None and duration is None and settings.max_frames is None
        self._max_frames = settings.max_frames
        self._packets = 0
        self._frames = 0
        stream = self._stream
        self.time_base = stream.time_base or 1 / _USUAL_RATE
        self.rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
        self.origin = max(Fraction(0), Fraction(self._container.start_time or 0, av.time_base)) + (start or 0)
        self.stop = None if duration is None else self.origin + duration
        self._origin_ticks = round(self.origin / self.time_base)
        if start:
            self._seek()
        self._decoded = self._decode()
        first = next(self._decoded, None)
        if start and (first is None or (first.pts or 0) * self.time_base > self.origin + 2 / self.rate):
            self._rewind()  # the seek went too far, as it may where there is no index: MPEG-TS
            first = next(self._decoded, None)
        if first is None:
            raise self._no_frame(start)
        self._first = first
        self._rotation = round(first.rotation / 90) % 4  # quarter turns against the clock
        coded = Size(first.width, first.height)
        upright = coded if self._rotation % 2 == 0 else Size(coded.height, coded.width)
        self.input_size = upright
        self.size = settings.output_size(upright)
        self.colour = colour_of(first)
        self._to_rgb = RgbFromVideo(
            self.colour, self.size if self._rotation % 2 == 0 else Size(self.size.height, self.size.width)
        )
        aspect = stream.sample_aspect_ratio or Fraction(1)
        self.pixel_aspect = Fraction(1) if self.size != upright else aspect if self._rotation % 2 == 0 else 1 / aspect
        self.expected = self._expected()

    def __iter__(self) -> Iterator[Frame]:
        frame: av.VideoFrame | None = self._first
        last = -1
        while frame is not None:
            rgb = self._to_rgb(frame)
            if self._rotation:
                rgb = np.ascontiguousarray(np.rot90(rgb, self._rotation))
            if frame.pts is None:  # raw streams state no times
                ticks = last + round(1 / (self.rate * self.time_base)) if last >= 0 else 0
            else:
                ticks = max(last + 1, frame.pts - self._origin_ticks)
            duration = frame.duration * self.time_base if frame.duration else 1 / self.rate
            yield Frame(rgb=rgb, time=ticks * self.time_base, duration=duration)
            last = ticks
            frame = next(self._decoded, None)
        self.missing = max(self.missing, self._promised(last) - self._frames)

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _decode(self) -> Generator[av.VideoFrame]:
        """Frames within start and stop, in order of presentation. Damage is counted and passed over."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
                if packet.size and not packet.is_discard:
                    self._packets += 1
                frames = packet.decode()
            except StopIteration:
                return
            except EOFError:
                return
            except FFmpegError:
                self.missing += 1
                if self.missing > self._packets + 100:  # the demuxer itself fails again and again
                    return
                continue
            for frame in frames:
                at = frame.pts * self.time_base if frame.pts is not None else None
                if at is not None and at < self.origin and not self.whole:
                    continue
                if self._done(at):
                    return
                self._frames += 1
                self.damaged += frame.is_corrupt
                yield frame

    def _done(self, at: Fraction | None) -> bool:
        over = at is not None and self.stop is not None and at >= self.stop
        return over or (self._max_frames is not None and self._frames >= self._max_frames)

    def _seek(self) -> None:
        try:
            self._container.seek(self._origin_ticks, stream=self._stream)
        except FFmpegError:  # some containers cannot seek
            self._rewind()

    def _rewind(self) -> None:
        """Decode from the beginning of the file."""
        self.close()
        self._container = _open(self.path)
        self._stream = _video_stream(self._container, self.path)
        self._packets = self._frames = self.missing = self.damaged = 0
        self._decoded = self._decode()

    def _length(self) -> Fraction | None:
        """Seconds that the header promises for the video track."""
        if self._stream.duration:
            return self._stream.duration * self.time_base
        if text := self._stream.metadata.get("DURATION"):  # Matroska
            hours, minutes, seconds = text.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
        return None

    def _expected(self) -> int | None:
        frames = self._stream.frames or None
        if not self.whole or frames is None:
            length = self._length() or (Fraction(self._container.duration or 0, av.time_base) or None)
            if length is not None:
                until = length if self.stop is None else min(length, self.stop)
                frames = max(1, round((until - self.origin) * self.rate))
        if self._max_frames is not None:
            return self._max_frames if frames is None else min(frames, self._max_frames)
        return frames

    def _promised(self, last: int) -> int:
        """How many frames a whole reading should have given; `last` is the last frame's time in ticks."""
        if not self.whole:
            return 0
        loose = self._stream.codec_context.name in _LOOSELY_PACKED
        promised = max(0 if loose else self._packets, self._stream.frames)
        length = self._length()
        if not self._stream.frames and length is not None:  # Matroska cut short: the header still has the whole length
            short = round((length - self.origin - last * self.time_base) * self.rate) - 1
            promised = max(promised, self._frames + short if short > 1 else 0)  # one frame: the header may be rounded
        if loose and promised - self._frames <= 2 + promised // 50:  # packets without a picture, not pictures lost
            promised = self._frames + self.missing
        return promised

    def _no_frame(self, start: Fraction | None) -> InputError:
        length = self._length()
        self.close()
        if start and length is not None and self.origin >= length:
            return InputError(
                f"{self.path} is {float(length):.2f} s long: nothing follows {float(start):.2f} s. Lower --start"
            )
        return InputError(f"{self.path} holds no frame that can be decoded. Is the file damaged or empty?")


@contextmanager
def read_video(path: Path, settings: Settings) -> Generator[VideoReader]:
    """Open a video for reading and close it at the end.

    Raises InputError: missing, no video, no frames, only audio.
    """
    reader = VideoReader(path, settings)
    try:
        yield reader
    finally:
        reader.close()


def _open(path: Path) -> InputContainer:
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        return av.open(str(path.absolute()), "r", metadata_errors="replace")
    except FFmpegError as error:
        raise InputError(
            f"{path} is no video that can be read, or it is cut off at its beginning or end ({error.strerror})"
        ) from error


def _video_stream(container: InputContainer, path: Path) -> av.VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if streams:
        return streams[0]
    found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    container.close()
    raise InputError(f"{path} holds no video track, only: {found}")
