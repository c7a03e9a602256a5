"""Videos in: every frame once, upright, as RGB with its own time; what is missing is counted."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError

from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.frame import Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Choice, Settings
from tsn.runtime.video.colour import RgbFromVideo, colour_of
from tsn.runtime.video.completeness import DeclaredLength
from tsn.runtime.video.container import open_video
from tsn.runtime.video.decoders import CpuDecoder, Decoder, OpenDecoder, cpu_asked, try_nvdec
from tsn.runtime.video.nvdec.choice import choose_nvdec
from tsn.runtime.video.nvdec.decoder import CURE
from tsn.runtime.video.nvdec.frames import ON_HOST, Decoded, DeviceFrame, OnDevice
from tsn.runtime.video.timeline import from_key_frame, origin_of, packets_of, times_may_jump

_USUAL_RATE = Fraction(25)  # for a stream that states none
_PLAUSIBLE = Fraction(1, 4)  # of its rate, that a file may hold fewer or more frames


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
        decoder: what decodes, and why.
    """

    def __init__(self, path: Path, settings: Settings, *, gpu: bool = False, on_device: OnDevice = ON_HOST) -> None:
        start, duration = settings.start, settings.duration
        self.path = path
        self.whole = start is None and duration is None and settings.max_frames is None
        self._max_frames = settings.max_frames
        self._open_decoder: OpenDecoder = CpuDecoder
        self._open()
        stream = self._stream
        self.time_base = stream.time_base or 1 / _USUAL_RATE
        self.rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
        self._beginning = origin_of(self._container)
        self.origin = self._beginning + (start or 0)
        self.stop = None if duration is None else self.origin + duration
        self._origin_ticks = round(self.origin / self.time_base)
        first = self._first_wanted()
        if first is None:
            raise self._no_frame(start)
        assert isinstance(first, av.VideoFrame)  # the CPU begins
        turns = round(first.rotation / 90) % 4  # quarter turns against the clock
        coded = Size(first.width, first.height)
        upright = coded if turns % 2 == 0 else Size(coded.height, coded.width)
        self.input_size = upright
        self.size = settings.output_size(upright)
        self.colour = colour_of(first)
        self._to_rgb = RgbFromVideo(self.colour, self.size, turns=turns)
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        self.pixel_aspect = Fraction(1) if self.size != upright else aspect if turns % 2 == 0 else 1 / aspect
        self.expected = self._expected()
        self.decoder = cpu_asked(settings.decoder)
        self._first: Decoded = first
        if try_nvdec(settings.decoder, gpu=gpu):
            as_they_are = not turns and self.size == coded
            on_device = on_device if as_they_are else "they are turned or scaled"
            self._change_decoder(on_device, required=settings.decoder == "nvdec")

    def __iter__(self) -> Iterator[Frame]:
        frame: Decoded | None = self._first
        last, shown = -1, None
        while frame is not None:
            pixels = self._pixels(frame)
            if frame.pts is None:  # raw streams state no times
                begins = last + round(1 / (self.rate * self.time_base)) if last >= 0 else 0
            else:
                begins = frame.pts - self._origin_ticks
            ticks = max(last + 1, begins)
            ends = begins * self.time_base + self._lasts(frame)
            following = next(self._wanted, None)
            if following is not None and following.pts is not None:
                ends = following.pts * self.time_base - self.origin
            elif following is None and self._next_at is not None:
                ends = self._next_at - self.origin
            if self.stop is not None:
                ends = min(ends, self.stop - self.origin)
            self._end = self.origin + ends
            yield Frame(pixels=pixels, time=ticks * self.time_base, duration=ends - ticks * self.time_base)
            last, shown, frame = ticks, frame.pts, following
        if self._ran_out:
            self.missing = max(self.missing, self._lost())
        if not self.whole:
            self.missing += self._decoder.unseen(self._first.pts, shown)

    def _pixels(self, frame: Decoded) -> FrameBuffer:
        if isinstance(frame, DeviceFrame):
            return frame.pixels
        return FrameBuffer(self._to_rgb(frame))

    def close(self) -> None:
        """Release the file."""
        self._container.close()

    def _open(self) -> None:
        """Begin at the beginning of the file."""
        self._container, self._stream = open_video(self.path)
        self._stream.thread_type = "AUTO"
        self._decoder: Decoder = self._open_decoder(self._stream)
        self.missing = 0
        self.damaged = 0
        self._packets = 0
        self._frames = 0
        self._ran_out = False  # the file came to its end before what was asked for
        self._next_at: Fraction | None = None  # seconds into the file at which a frame that was not asked for follows
        self._earliest: Fraction | None = None  # seconds into the file of the first frame that was decoded
        self._end: Fraction | None = None  # seconds into the file at which the last frame seen is over
        self._declared = DeclaredLength(self.path, self._container, self._stream)
        self._wanted: Iterator[Decoded] = self._cut(self._decode())

    def _reopen(self) -> None:
        self.close()
        self._decoder, self._wanted = CpuDecoder(self._stream), iter(())  # what the old one holds goes first
        self._open()

    def _first_wanted(self) -> Decoded | None:
        """The first frame that is asked for, of a file that was just opened."""
        later = self.origin > self._beginning
        if later and not times_may_jump(self._container):
            self._seek()
        first = next(self._wanted, None)
        if later and (self._earliest is None or self._earliest > self.origin):
            self._reopen()  # the seek went too far, as it may where there is no index
            first = next(self._wanted, None)
        return first

    def _change_decoder(self, on_device: OnDevice, *, required: bool) -> None:
        """Go to the same frame with NVDEC, and back to the CPU where that fails and is not `required`."""
        expected = self._first
        assert isinstance(expected, av.VideoFrame)
        try:
            self.decoder, self._first = choose_nvdec(
                self._stream, expected, self.colour, on_device, begin=self._begin_with, pixels=self._pixels
            )
        except UnavailableError as error:
            reason = str(error).removesuffix(CURE)
            if required:
                self.close()
                raise UnavailableError(f"{reason}. Leave --decoder nvdec out, or use --decoder cpu") from error
            self.decoder = Choice("cpu", reason)
        except BaseException:
            self.close()
            raise
        if self.decoder.name == "cpu":
            self._first = self._begin_with(CpuDecoder) or expected

    def _begin_with(self, open_decoder: OpenDecoder) -> Decoded | None:
        self._open_decoder = open_decoder
        self._reopen()
        return self._first_wanted()

    def _seek(self) -> None:
        try:
            self._container.seek(self._origin_ticks, stream=self._stream)
        except FFmpegError:  # some containers cannot seek
            self._reopen()

    def _decode(self) -> Generator[Decoded]:
        """Frames in order of presentation. Damage is counted and passed over."""
        packets = (packet for packet in packets_of(self._container) if packet.stream.index == self._stream.index)
        if self.origin > self._beginning and times_may_jump(self._container):
            packets = from_key_frame(packets, self._origin_ticks)
        while True:
            try:
                packet = next(packets)
                if packet.size and not packet.is_discard:
                    self._packets += 1
                frames = self._decoder(packet)
            except StopIteration:
                return
            except EOFError:
                return
            except FFmpegError:
                self.missing += 1
                if self.missing > self._packets + 100:  # the demuxer itself fails again and again
                    return
                continue
            yield from frames

    def _cut(self, frames: Iterator[Decoded]) -> Generator[Decoded]:
        """The frames within start and stop, and the one before them where it is still shown for long."""
        before: Decoded | None = None
        for frame in frames:
            at = frame.pts * self.time_base if frame.pts is not None else None
            self._earliest = at if self._earliest is None else self._earliest
            if at is not None and at < self.origin and not self.whole:
                before = frame
                self._end = at + self._lasts(frame)
                continue
            if before is not None and at is not None and at > self.origin + 1 / self.rate:
                yield self._counted(before)
            before = None
            if self._done(at):
                self._next_at = at
                return
            yield self._counted(frame)
        self._ran_out = True
        if before is not None and self._end is not None and self._end > self.origin:
            yield self._counted(before)

    def _counted(self, frame: Decoded) -> Decoded:
        self._frames += 1
        self.damaged += frame.is_corrupt
        return frame

    def _done(self, at: Fraction | None) -> bool:
        over = at is not None and self.stop is not None and at >= self.stop
        return over or (self._max_frames is not None and self._frames >= self._max_frames)

    def _lasts(self, frame: Decoded) -> Fraction:
        return frame.duration * self.time_base if frame.duration else 1 / self.rate

    def _expected(self) -> int | None:
        frames = self._declared.frames
        if not self.whole or frames is None:
            length = Fraction(self._container.duration or 0, av.time_base)
            end = self._declared.end or (self._beginning + length if length else None)
            if end is not None:
                until = end if self.stop is None else min(end, self.stop)
                frames = max(1, round((until - self.origin) * self.rate))
        if self._max_frames is not None:
            return self._max_frames if frames is None else min(frames, self._max_frames)
        return frames

    def _lost(self) -> int:
        """Frames that were to come when the file came to its end."""
        assert self._end is not None
        elapsed = self._end - self.origin
        pace = self._frames / elapsed if elapsed > 0 else self.rate
        rate = self.rate if abs(pace / self.rate - 1) < _PLAUSIBLE else pace
        unread = self._declared.unread(self._end, until=self.stop, rate=rate)
        if self._max_frames is not None:
            unread = min(unread, self._max_frames - self._frames)
        if not self.whole:
            return unread
        return max(unread, self._declared.missing(packets=self._packets, frames=self._frames))

    def _no_frame(self, start: Fraction | None) -> InputError:
        end = self._end if self._end is not None else self._declared.end
        if start and end is not None and self.origin >= end:
            cut_off = " and cut off" if self._declared.unread(end, until=None, rate=self.rate) else ""
            length = float(end - self._beginning)
            reason = f"is {length:.2f} s long{cut_off}: nothing follows {float(start):.2f} s. Lower --start"
        else:
            reason = "holds no frame that can be decoded. Is the file damaged or empty?"
        self.close()
        return InputError(f"{self.path} {reason}")


@contextmanager
def read_video(
    path: Path, settings: Settings, *, gpu: bool = False, on_device: OnDevice = ON_HOST
) -> Generator[VideoReader]:
    """Open a video for reading and close it at the end. NVDEC is a choice where the networks run on a `gpu`.

    What NVDEC decodes stays on the GPU where `on_device` says how and not why not, if it is neither turned nor scaled.

    Raises InputError: missing, no video, no frames, only audio; UnavailableError: NVDEC is asked for and cannot run.
    """
    reader = VideoReader(path, settings, gpu=gpu, on_device=on_device)
    try:
        yield reader
    finally:
        reader.close()
