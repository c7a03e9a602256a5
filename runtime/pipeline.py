"""The whole program on one page: frames come in, are stylized, and go out."""

import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeVar

from tsn.runtime.backends import Backend, Tensor, scalar
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.frame import RGB, Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.report import Stages
from tsn.runtime.temporal.flow import Motion
from tsn.runtime.temporal.hold import TemporalBlend
from tsn.runtime.threads import DEPTH, behind, prefetched, spread

LIGHT = 50_000  # multiply-adds for a pixel: below, a frame on each core is faster than all cores on one frame

T = TypeVar("T")


class FrameSource(Protocol):
    """Where frames come from."""

    size: Size
    rate: Fraction  # frames a second, on average

    def __iter__(self) -> Iterator[Frame]: ...


class FrameSink(Protocol):
    """Where frames go."""

    def write(self, frame: Frame) -> None: ...

    def close(self) -> None:
        """Flush the encoder: without it the tail is lost."""
        ...


class FrameStylizer(Protocol[T]):
    """How frames are changed: each first by itself, then in turn."""

    concurrency: int  # frames that `ahead` is given at once

    def ahead(self, pixels: FrameBuffer, previous: FrameBuffer | None) -> T:
        """What needs no earlier result; called from several threads. `previous` is the frame before, None at first."""
        ...

    def shown(self, pixels: FrameBuffer, made: T) -> RGB:
        """The frame to show, uint8 (height, width, 3); called for each in turn, with what `ahead` made of it."""
        ...

    def interrupt(self) -> None:
        """Make calls of `ahead` that are under way end early."""
        ...


class Made(NamedTuple):
    """What is made of a frame by itself."""

    stylized: Tensor  # uint8 (1, H, W, 3)
    motion: Motion | None  # from the previous frame; None without one, or where frames are not held


class Stylizer:
    """Frames to stylized frames, with one style.

    Args:
        style: mean and std of the style's features, float32 (C,), on the backend's device.
        alpha: how much of the style, 0..1.
        preserve_color: how much of the content's own colour, 0..1.
        temporal: holds each frame to the ones before it; None stylizes every frame alone.
        side_by_side: compute several frames at once where that is faster, as `concurrency` then says.
    """

    def __init__(
        self,
        bundle: Bundle,
        backend: Backend,
        *,
        style: tuple[Tensor, Tensor],
        alpha: float = 1.0,
        preserve_color: float = 0.0,
        temporal: TemporalBlend | None = None,
        side_by_side: bool = False,
    ) -> None:
        network = bundle.manifest.networks["stylize"]
        light = network.multiply_adds is not None and network.multiply_adds < LIGHT
        self.concurrency = backend.concurrency if side_by_side and light else 1
        self._stylize = backend.load(bundle.network("stylize"), concurrency=self.concurrency)
        self._minimum_side = network.minimum_side
        self.interrupt = backend.interrupt
        self._upload = backend.upload
        self._style = style
        self.temporal = temporal
        self._previous: FrameBuffer | None = None
        self._strength = backend.upload(scalar(alpha))
        self._preserve_color = backend.upload(scalar(preserve_color))

    def __call__(self, rgb: RGB) -> RGB:
        """The stylized picture, as large as `rgb`: uint8 (height, width, 3). Frames of a video come in turn."""
        pixels = FrameBuffer(rgb)
        previous, self._previous = self._previous, None if self.temporal is None else pixels
        return self.shown(pixels, self.ahead(pixels, previous))

    def ahead(self, pixels: FrameBuffer, previous: FrameBuffer | None) -> Made:
        """What needs no earlier result: see FrameStylizer."""
        self.check_size(pixels.size)
        mean, std = self._style
        outputs = self._stylize(
            frame=pixels.tensor(self._upload),
            mean=mean,
            std=std,
            strength=self._strength,
            preserve_color=self._preserve_color,
        )
        motion = None if self.temporal is None else self.temporal.motion(pixels, previous)
        return Made(outputs["stylized"], motion)

    def shown(self, pixels: FrameBuffer, made: Made) -> RGB:
        """The frame to show: see FrameStylizer."""
        if self.temporal is None:
            return made.stylized.numpy()[0]
        return self.temporal(pixels, *made)

    def check_size(self, size: Size) -> None:
        """Raise InputError where frames of `size` are smaller than the network takes."""
        if min(size.width, size.height) < self._minimum_side:
            raise InputError(
                f"frames of {size} are too small: this network takes {self._minimum_side} pixels a side and up",
                cure="Enlarge them with --size",
            )


def stylize_video(
    source: FrameSource, stylizer: FrameStylizer[T], sink: FrameSink, *, progress: Callable[[int], None]
) -> Stages:
    """Stylize every frame of `source` into `sink` and close it. Decode, inference and encode overlap.

    Args:
        progress: called after each frame with the number of frames stylized so far.

    Raises:
        UnavailableError: the device is gone; the frames before reached `sink`, which is not closed.
    """
    stages = Stages()
    started = time.perf_counter()

    def ahead(pair: tuple[Frame, Frame | None]) -> T:
        frame, previous = pair
        return stylizer.ahead(frame.pixels, None if previous is None else previous.pixels)

    with (
        prefetched(source, depth=DEPTH) as frames,
        spread(ahead, with_previous(frames), threads=stylizer.concurrency, interrupt=stylizer.interrupt) as made,
        behind(sink.write, depth=DEPTH) as write,
    ):
        try:
            for (frame, _), found in made:
                begun = time.perf_counter()
                shown = stylizer.shown(frame.pixels, found)
                stages.blend += time.perf_counter() - begun
                write(Frame(pixels=FrameBuffer(shown), time=frame.time, duration=frame.duration, luma=frame.luma))
                stages.frames_out += 1
                progress(stages.frames_out)
        except UnavailableError:
            write.finish()
            raise
    begun = time.perf_counter()
    sink.close()
    finished = time.perf_counter()
    stages.frames_in, stages.decode, stages.stylize = frames.count, frames.busy, made.busy
    stages.encode = write.busy + finished - begun
    stages.wall = finished - started
    return stages


def with_previous(frames: Iterable[T]) -> Iterator[tuple[T, T | None]]:
    """Each frame with the one before it, None with the first."""
    previous: T | None = None
    for frame in frames:
        yield frame, previous
        previous = frame
