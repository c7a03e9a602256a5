"""The whole program on one page: frames come in, are stylized, and go out."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from tsn.runtime.backends import Backend, Tensor, scalar
from tsn.runtime.bundle import Bundle
from tsn.runtime.colour import RGB
from tsn.runtime.errors import InputError
from tsn.runtime.geometry import Size
from tsn.runtime.overlap import behind, prefetched
from tsn.runtime.temporal import TemporalBlend

DEPTH = 4  # frames that may wait between two stages: enough to overlap them, few enough to bound the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture and when it is shown."""

    rgb: RGB  # uint8 (height, width, 3)
    time: Fraction  # seconds from the start of the output
    duration: Fraction  # seconds until the next frame, as far as the file says


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


@dataclass(kw_only=True)
class Stages:
    """Seconds that each stage was busy, and frames that passed it. The stages overlap: their sum exceeds `wall`."""

    frames_in: int = 0
    frames_out: int = 0
    decode: float = 0.0
    stylize: float = 0.0
    encode: float = 0.0
    wall: float = 0.0


class Stylizer:
    """Frames to stylized frames, with one style.

    Args:
        style: mean and std of the style's features, float32 (C,), on the backend's device.
        alpha: how much of the style, 0..1.
        preserve_color: how much of the content's own colour, 0..1.
        temporal: holds each frame to the ones before it; None stylizes every frame alone.
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
    ) -> None:
        self._stylize = backend.load(bundle.network("stylize"))
        self._minimum_side = bundle.manifest.networks["stylize"].minimum_side
        self._upload = backend.upload
        self._style = style
        self.temporal = temporal
        self._strength = backend.upload(scalar(alpha))
        self._preserve_color = backend.upload(scalar(preserve_color))

    def __call__(self, rgb: RGB) -> RGB:
        """The stylized picture, as large as `rgb`: uint8 (height, width, 3)."""
        height, width, _ = rgb.shape
        self.check_size(Size(width, height))
        mean, std = self._style
        outputs = self._stylize(
            frame=self._upload(rgb[None]),
            mean=mean,
            std=std,
            strength=self._strength,
            preserve_color=self._preserve_color,
        )
        if self.temporal is None:
            return outputs["stylized"].numpy()[0]
        return self.temporal(rgb, outputs["styled"], outputs["stylized"])

    def check_size(self, size: Size) -> None:
        """Raise InputError where frames of `size` are smaller than the network takes."""
        if min(size.width, size.height) < self._minimum_side:
            raise InputError(
                f"frames of {size} are too small: this network takes {self._minimum_side} pixels a side and up. "
                "Enlarge them with --size"
            )


def stylize_video(
    source: FrameSource, stylizer: Callable[[RGB], RGB], sink: FrameSink, *, progress: Callable[[int], None]
) -> Stages:
    """Stylize every frame of `source` into `sink` and close it. Decode, inference and encode overlap.

    Args:
        progress: called after each frame with the number of frames stylized so far.
    """
    stages = Stages()
    started = time.perf_counter()
    with prefetched(source, depth=DEPTH) as frames, behind(sink.write, depth=DEPTH) as write:
        for frame in frames:
            begun = time.perf_counter()
            rgb = stylizer(frame.rgb)
            stages.stylize += time.perf_counter() - begun
            write(Frame(rgb=rgb, time=frame.time, duration=frame.duration))
            stages.frames_out += 1
            progress(stages.frames_out)
    begun = time.perf_counter()
    sink.close()
    finished = time.perf_counter()
    stages.frames_in, stages.decode = frames.count, frames.busy
    stages.encode = write.busy + finished - begun
    stages.wall = finished - started
    return stages
