"""Videos in: every frame once, upright, as RGB with its own time; what is missing is counted."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av

from tsn.runtime.errors import UnavailableError
from tsn.runtime.frame import Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Choice, Settings
from tsn.runtime.video.colour import RgbFromVideo, colour_of
from tsn.runtime.video.container import Part, begin_reading
from tsn.runtime.video.decoders import CpuDecoder, cpu_asked, try_nvdec
from tsn.runtime.video.nvdec.choice import nvdec_ways, refuse_other_frame
from tsn.runtime.video.nvdec.frames import ON_HOST, Decoded, DeviceFrame, OnDevice


class VideoReader:
    """A video's frames, as the settings cut and scale them. A context manager: leaving it releases the file.

    Iterate it once; then `missing` and `damaged` count what was lost.

    Args:
        gpu: the networks run on a GPU, so NVDEC is a choice.
        on_device: how frames that NVDEC decodes stay on the GPU, or why they do not. Turned and scaled ones never do.

    Raises InputError: missing, no video, no frames, only sound; UnavailableError: NVDEC is asked for and cannot run.

    Attributes:
        input_size: of the file's frames, upright.
        size: of the frames given, upright.
        rate: frames a second on average, exact.
        time_base: seconds of one tick; every frame's time is a multiple of it.
        pixel_aspect: width of a pixel over its height.
        colour: how the file's numbers become colours.
        expected: frames that will come, or None where the file does not say.
        origin: seconds into the file that became time 0 of the output.
        stop: seconds into the file at which reading ends, or None.
        whole: no part was cut away.
        decoder: what decodes, and why.
    """

    def __init__(self, path: Path, settings: Settings, *, gpu: bool = False, on_device: OnDevice = ON_HOST) -> None:
        self.path = path
        self._part = Part(start=settings.start, duration=settings.duration, max_frames=settings.max_frames)
        self._reading = reading = begin_reading(path, self._part, CpuDecoder)
        try:
            if reading.first is None:
                raise reading.no_frame()
            assert isinstance(reading.first, av.VideoFrame)  # the CPU begins
            self._set_up(reading.first, settings)
            if try_nvdec(settings.decoder, gpu=gpu):
                self._change_to_nvdec(reading.first, on_device, required=settings.decoder == "nvdec")
        except BaseException:
            self.close()
            raise

    def _set_up(self, first: av.VideoFrame, settings: Settings) -> None:
        """Take from the first frame, as the CPU decodes it, what holds for all."""
        reading = self._reading
        self.time_base, self.rate = reading.time_base, reading.rate
        self.origin, self.stop, self.whole = reading.origin, reading.stop, self._part.whole
        turns = round(first.rotation / 90) % 4  # quarter turns against the clock
        coded = Size(first.width, first.height)
        upright = coded if turns % 2 == 0 else Size(coded.height, coded.width)
        self.input_size = upright
        self.size = settings.output_size(upright)
        self._as_coded = not turns and self.size == coded
        self.colour = colour_of(first)
        self._to_rgb = RgbFromVideo(self.colour, self.size, turns=turns)
        aspect = reading.stream.sample_aspect_ratio or Fraction(1)
        self.pixel_aspect = Fraction(1) if self.size != upright else aspect if turns % 2 == 0 else 1 / aspect
        self.expected = reading.expected()
        self.decoder = cpu_asked(settings.decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._reading.close()

    @property
    def missing(self) -> int:
        """Frames that the file promises and that could not be decoded."""
        return self._reading.missing

    @property
    def damaged(self) -> int:
        """Frames that were decoded from damaged data."""
        return self._reading.damaged

    def __iter__(self) -> Iterator[Frame]:
        reading = self._reading
        frame, last, shown = reading.first, -1, None
        while frame is not None:
            buffer = self._buffer(frame)
            if frame.pts is None:  # raw streams state no times
                begins = last + round(1 / (self.rate * self.time_base)) if last >= 0 else 0
            else:
                begins = frame.pts - round(self.origin / self.time_base)
            ticks = max(last + 1, begins)
            ends = begins * self.time_base + reading.lasts(frame)
            following = next(reading.frames, None)
            if following is not None and following.pts is not None:
                ends = following.pts * self.time_base - self.origin
            elif following is None and reading.next_at is not None:
                ends = reading.next_at - self.origin
            if self.stop is not None:
                ends = min(ends, self.stop - self.origin)
            reading.end = self.origin + ends
            yield Frame(pixels=buffer, time=ticks * self.time_base, duration=ends - ticks * self.time_base)
            last, shown, frame = ticks, frame.pts, following
        reading.count_lost(last=shown)

    def _buffer(self, frame: Decoded) -> FrameBuffer:
        return frame.pixels if isinstance(frame, DeviceFrame) else FrameBuffer(self._to_rgb(frame))

    def _change_to_nvdec(self, expected: av.VideoFrame, on_device: OnDevice, *, required: bool) -> None:
        """Begin anew with NVDEC where it begins as the CPU does, with `expected`; else with the CPU, or raise."""
        if not self._as_coded:
            on_device = "they are turned or scaled"
        reason, stream = "", self._reading.stream
        try:
            for way in nvdec_ways(stream, expected, self.colour, on_device):
                self._reading.close()  # one decoder at a time
                try:
                    self._reading = begin_reading(self.path, self._part, way.open_decoder)
                    self._refuse_other_beginning(expected)
                except UnavailableError as error:
                    reason = error.reason
                else:
                    self.decoder = Choice("nvdec", way.reason(before=reason))
                    return
        except UnavailableError as error:
            reason = error.reason
        if required:
            raise UnavailableError(reason, cure="Leave --decoder nvdec out, or use --decoder cpu")
        self.decoder = Choice("cpu", reason)
        self._reading.close()
        self._reading = begin_reading(self.path, self._part, CpuDecoder)

    def _refuse_other_beginning(self, expected: av.VideoFrame) -> None:
        first = self._reading.first
        if first is None:
            raise UnavailableError("NVDEC gives no frame of it")
        if first.pts != expected.pts:
            raise UnavailableError(
                f"NVDEC begins with another frame of it: at {first.pts} instead of {expected.pts} ticks"
            )
        refuse_other_frame(self._buffer(first), self._buffer(expected))
