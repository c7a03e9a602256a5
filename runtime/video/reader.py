"""Videos in: every frame once, upright, as RGB with its own time; what is missing is counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Self

import av

from tsn.runtime.errors import UnavailableError
from tsn.runtime.frame import Frame, Plane
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Choice, Settings
from tsn.runtime.video.colour import LumaFromVideo, RgbFromVideo, colour_of
from tsn.runtime.video.container import Part, begin_reading
from tsn.runtime.video.decoders import CpuDecoder, OpenDecoder, cpu_asked, try_nvdec
from tsn.runtime.video.deinterlacing import COMBED, DEINTERLACED, Deinterlacer
from tsn.runtime.video.nvdec.choice import begin_with_nvdec
from tsn.runtime.video.nvdec.frames import ON_HOST, Decoded, DeviceFrame, OnDevice, buffer_of
from tsn.runtime.video.presentation import presentation_of
from tsn.runtime.video.side_data import SideData
from tsn.runtime.video.webp import film_of_webp, is_animated_webp


class VideoReader:
    """A video's frames, as the settings cut and scale them. A context manager: leaving it releases the file.

    Iterate it once; then `missing` and `damaged` count what was lost.

    Args:
        working: give frames at the working size, with the luma of the full picture where that is larger.
        gpu: the networks run on a GPU, so NVDEC is a choice.
        on_device: how frames that NVDEC decodes stay on the GPU, or why they do not. Turned and scaled ones never do.

    Raises InputError: missing, no video, no frames, only sound; UnavailableError: NVDEC is asked for and cannot run.

    Attributes:
        input_size: of the file's frames, upright.
        size: of the picture, upright and scaled as asked for.
        work_size: of the frames given.
        rate: frames a second on average, exact.
        time_base: seconds of one tick; every frame's time is a multiple of it.
        pixel_aspect: width of a pixel over its height.
        colour: how the file's numbers become colours.
        expected: frames that will come, or None where the file does not say.
        origin: seconds into the file that became time 0 of the output.
        stop: seconds into the file at which reading ends, or None.
        whole: no part was cut away.
        decoder: what decodes, and why.
        path: the file; of an animated WebP a film made of it, which is there until this is closed.
    """

    def __init__(
        self,
        path: Path,
        settings: Settings,
        *,
        working: bool = False,
        gpu: bool = False,
        on_device: OnDevice = ON_HOST,
    ) -> None:
        self._temporary = ExitStack()
        if path.is_file() and is_animated_webp(path):
            path = self._temporary.enter_context(film_of_webp(path))
        self.path = path
        self._part = Part(start=settings.start, duration=settings.duration, max_frames=settings.max_frames)
        self._open: OpenDecoder = CpuDecoder
        self._reading = begin_reading(path, self._part, CpuDecoder)
        first = self._reading.first
        self._interlaced = isinstance(first, av.VideoFrame) and first.interlaced_frame
        if self._interlaced and settings.deinterlace == "auto":
            self._reading.close()
            self._open = Deinterlacer
            self._reading = begin_reading(path, self._part, Deinterlacer)
        reading = self._reading
        self._side_data = SideData(path, reading.format_name)
        try:
            if reading.first is None:
                raise reading.no_frame()
            assert isinstance(reading.first, av.VideoFrame)  # the CPU begins
            self._set_up(reading.first, settings, working=working)
            if try_nvdec(settings.decoder, gpu=gpu):
                self._change_to_nvdec(on_device, required=settings.decoder == "nvdec")
        except BaseException:
            self.close()
            raise

    def _set_up(self, first: av.VideoFrame, settings: Settings, *, working: bool) -> None:
        """Take from the first frame, as the CPU decodes it, what holds for all."""
        reading = self._reading
        self.time_base, self.rate = reading.time_base, reading.rate
        self.origin, self.stop, self.whole = reading.origin, reading.stop, self._part.whole
        presentation = presentation_of(first, reading.track)
        coded = Size(first.width, first.height)
        self.input_size = upright = presentation.shown_size(coded)
        aspect = presentation.shown_aspect(reading.stream.sample_aspect_ratio or Fraction(1))
        square = Size(max(1, round(upright.width * aspect)), upright.height)
        self.size = settings.output_size(upright if settings.shorter_side is None else square, multiple_of=2)
        self.pixel_aspect = aspect if self.size == upright and settings.shorter_side is None else Fraction(1)
        self.work_size = settings.working_size(self.size) if working else self.size
        self._as_coded = presentation.plain and self.work_size == coded
        colour = colour_of(first)
        self.colour = colour.written(self.size)
        self._to_rgb = RgbFromVideo(colour, self.work_size, presentation=presentation)
        larger = self.size != self.work_size
        self._to_luma = LumaFromVideo(colour, self.size, presentation=presentation) if larger else None
        self._side_data.add(first)
        self._notes = colour.notes
        if self._interlaced:
            self._notes.append(DEINTERLACED if self._open is Deinterlacer else COMBED)
        self.expected = reading.expected()
        self.decoder = cpu_asked(settings.decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._reading.close()
        self._temporary.close()

    @property
    def missing(self) -> int:
        """Frames that the file promises and that could not be decoded."""
        return self._reading.missing

    @property
    def damaged(self) -> int:
        """Frames that were decoded from damaged data."""
        return self._reading.damaged

    @property
    def notes(self) -> list[str]:
        """What the frames do not have that the file had, as far as they are read; lines for people."""
        return [*self._notes, *self._side_data.notes]

    def __iter__(self) -> Iterator[Frame]:
        reading = self._reading
        frame, last, shown = reading.first, -1, None
        while frame is not None:
            if isinstance(frame, av.VideoFrame):
                self._side_data.add(frame)
            buffer = buffer_of(frame, self._to_rgb)
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
            yield Frame(
                pixels=buffer,
                time=ticks * self.time_base,
                duration=ends - ticks * self.time_base,
                luma=self._luma(frame),
            )
            last, shown, frame = ticks, frame.pts, following
        reading.count_lost(last=shown)

    def _luma(self, frame: Decoded) -> Plane | None:
        return None if self._to_luma is None or isinstance(frame, DeviceFrame) else self._to_luma(frame)

    def _change_to_nvdec(self, on_device: OnDevice, *, required: bool) -> None:
        """Begin anew with NVDEC or, where that is not possible and not `required`, with the CPU again."""
        if not self._as_coded:
            on_device = "they are turned, scaled or reduced to the working size"
        try:
            if self._open is Deinterlacer:
                raise UnavailableError("this video is interlaced, and FFmpeg makes whole pictures of its fields")
            self._reading, self.decoder = begin_with_nvdec(
                self.path, self._part, self._reading, self._to_rgb, on_device
            )
        except UnavailableError as error:
            if required:
                cure = "Leave --decoder nvdec out, or use --decoder cpu"
                raise UnavailableError(error.reason, cure=cure) from error
            self._reading.close()
            self._reading, self.decoder = begin_reading(self.path, self._part, self._open), Choice("cpu", error.reason)
