"""One reading of a part of a video file: packets demuxed, decoded and cut, what is lost counted."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from tsn.runtime.errors import InputError
from tsn.runtime.video.completeness import DeclaredLength
from tsn.runtime.video.decoders import CpuDecoder, Decoder, OpenDecoder
from tsn.runtime.video.described import described_tracks
from tsn.runtime.video.film import USUAL_RATE, open_video, rate_of
from tsn.runtime.video.nvdec.frames import Decoded
from tsn.runtime.video.timeline import from_key_frame, in_parts, origin_of, packets_of, run_on, times_may_jump

_PLAUSIBLE = Fraction(1, 4)  # of its rate, that a file may hold fewer or more frames
_MOST_FAILURES = 100  # beyond the packets that were read: then it is the demuxer that fails, again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of a video is asked for."""

    start: Fraction | None = None  # seconds
    duration: Fraction | None = None  # seconds
    max_frames: int | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is cut away."""
        return self.start is None and self.duration is None and self.max_frames is None


class Reading:
    """One reading of a part of a video, by one decoder. `begin_reading` makes one.

    Attributes:
        stream: the video track.
        track: what FFmpeg says of it.
        format_name: FFmpeg's name of the container's format.
        frames: what is decoded of the part, in order of presentation, each with its time in ticks of the file.
        first: the first of them, already taken; None where there is none.
        time_base: seconds of one tick.
        rate: frames a second on average, exact.
        origin: seconds into the file at which the part begins.
        stop: seconds into the file at which it ends, or None.
        end: seconds into the file at which the last frame seen is over, as far as is known. Its reader knows better.
        next_at: seconds into the file at which a frame behind the part follows, once that is known.
        missing: frames that could not be decoded.
        damaged: frames that were decoded from damaged data.
    """

    def __init__(self, path: Path, part: Part, open_decoder: OpenDecoder, *, seek: bool) -> None:
        self._path, self._part = path, part
        self._container, self.stream = open_video(path)
        self.stream.thread_type = "AUTO"
        self.format_name = self._container.format.name
        self.track = described_tracks(self._container)[self.stream.index]
        self.time_base = self.stream.time_base or 1 / USUAL_RATE
        self.rate = rate_of(self._container, self.stream)
        self._beginning = origin_of(self._container)
        self.origin = self._beginning + (part.start or 0)
        self.stop = None if part.duration is None else self.origin + part.duration
        self._times_may_jump = times_may_jump(self._container)
        self.missing = self.damaged = 0
        self._packets = self._shown = 0
        self._ran_out = False  # the file came to its end before what was asked for
        self._earliest: Fraction | None = None  # seconds into the file of the first frame that was decoded
        self.next_at: Fraction | None = None
        self.end: Fraction | None = None
        self._in_parts = in_parts(self.stream)
        may_seek = seek and self._later and not self._times_may_jump and not self._in_parts
        self._sought = may_seek and self._seek()
        try:
            self._declared = DeclaredLength(path, self._container, self.stream)
            self._decoder: Decoder = open_decoder(self.stream)
        except BaseException:
            self._container.close()
            raise
        frames = self._decode()
        self.frames: Iterator[Decoded] = self._cut(run_on(frames, lasts=self._ticks) if self._in_parts else frames)
        self.first: Decoded | None = None

    def close(self) -> None:
        """Release the file, and what the decoder holds."""
        self.frames, self._decoder = iter(()), CpuDecoder(self.stream)
        self._container.close()

    @property
    def went_too_far(self) -> bool:
        """Whether the seek passed the beginning of the part, as it may where there is no index."""
        return self._sought and (self._earliest is None or self._earliest > self.origin)

    def lasts(self, frame: Decoded) -> Fraction:
        """Return how many seconds a frame is shown, as far as the file says."""
        return frame.duration * self.time_base if frame.duration else 1 / self.rate

    def _ticks(self, frame: Decoded) -> int:
        return round(self.lasts(frame) / self.time_base)

    def expected(self) -> int | None:
        """Return how many frames the part has; None where the file does not say."""
        frames = self._declared.frames
        if not self._part.whole or frames is None:
            length = Fraction(self._container.duration or 0, av.time_base)
            end = self._declared.end or (self._beginning + length if length else None)
            if end is not None:
                until = end if self.stop is None else min(end, self.stop)
                frames = max(1, round((until - self.origin) * self.rate))
        if self._part.max_frames is not None:
            return self._part.max_frames if frames is None else min(frames, self._part.max_frames)
        return frames

    def count_lost(self, *, last: int | None) -> None:
        """Add what was lost to `missing`, once all frames are taken; `last` is the time in ticks of the last one."""
        if self._ran_out:
            self.missing = max(self.missing, self._lost())
        if not self._part.whole and self.first is not None:
            self.missing += self._decoder.unseen(self.first.pts, last)

    def no_frame(self) -> InputError:
        """Return the error for a part without a frame, which says why there is none."""
        start, end = self._part.start, self.end if self.end is not None else self._declared.end
        if start and end is not None and self.origin >= end:
            cut_off = " and cut off" if self._declared.unread(end, until=None, rate=self.rate) else ""
            length = float(end - self._beginning)
            return InputError(
                f"{self._path} is {length:.2f} s long{cut_off}: nothing follows {float(start):.2f} s",
                cure="Lower --start",
            )
        return InputError(f"{self._path} holds no frame that can be decoded. Is the file damaged or empty?")

    @property
    def _later(self) -> bool:
        return self.origin > self._beginning

    def _seek(self) -> bool:
        try:
            self._container.seek(round(self.origin / self.time_base), stream=self.stream)
        except FFmpegError:  # some containers cannot seek
            self._container.close()
            self._container, self.stream = open_video(self._path)
            self.stream.thread_type = "AUTO"
            return False
        return True

    def _decode(self) -> Generator[Decoded]:
        """Yield frames in order of presentation. Damage is counted and passed over."""
        packets = (packet for packet in packets_of(self._container) if packet.stream.index == self.stream.index)
        if self._later and self._times_may_jump:
            packets = from_key_frame(packets, round(self.origin / self.time_base))
        while True:
            try:
                packet = next(packets)
                if packet.size and not packet.is_discard:
                    self._packets += 1
                frames = self._decoder.decode(packet)
            except (StopIteration, EOFError):
                return
            except FFmpegError:
                self.missing += 1
                if self.missing > self._packets + _MOST_FAILURES:
                    return
                continue
            yield from frames

    def _cut(self, frames: Iterator[Decoded]) -> Generator[Decoded]:
        """Yield the frames within start and stop, and the one before them where it is still shown for long."""
        before: Decoded | None = None
        for frame in frames:
            at = frame.pts * self.time_base if frame.pts is not None else None
            self._earliest = at if self._earliest is None else self._earliest
            if at is not None and at < self.origin and not self._part.whole:
                before = frame
                self.end = at + self.lasts(frame)
                continue
            if before is not None and at is not None and at > self.origin + 1 / self.rate:
                yield self._counted(before)
            before = None
            if self._done(at):
                self.next_at = at
                return
            yield self._counted(frame)
        self._ran_out = True
        if before is not None and self.end is not None and self.end > self.origin:
            yield self._counted(before)

    def _counted(self, frame: Decoded) -> Decoded:
        self._shown += 1
        self.damaged += frame.is_corrupt
        return frame

    def _done(self, at: Fraction | None) -> bool:
        over = at is not None and self.stop is not None and at >= self.stop
        return over or (self._part.max_frames is not None and self._shown >= self._part.max_frames)

    def _lost(self) -> int:
        """Return how many frames were to come when the file came to its end."""
        assert self.end is not None
        elapsed = self.end - self.origin
        pace = self._shown / elapsed if elapsed > 0 else self.rate
        rate = self.rate if abs(pace / self.rate - 1) < _PLAUSIBLE else pace
        unread = self._declared.unread(self.end, until=self.stop, rate=rate)
        if self._part.max_frames is not None:
            unread = min(unread, self._part.max_frames - self._shown)
        if not self._part.whole:
            return unread
        return max(unread, self._declared.missing(packets=self._packets, frames=self._shown))


def begin_reading(path: Path, part: Part, open_decoder: OpenDecoder) -> Reading:
    """Open a video and read up to the first frame of a part of it.

    Raises InputError: missing, no video, only sound; UnavailableError: the decoder does not start.
    """
    reading = _begun(Reading(path, part, open_decoder, seek=True))
    if not reading.went_too_far:
        return reading
    reading.close()
    return _begun(Reading(path, part, open_decoder, seek=False))


def _begun(reading: Reading) -> Reading:
    try:
        reading.first = next(reading.frames, None)
    except BaseException:
        reading.close()
        raise
    return reading
