"""A bundle's networks alone: the runtime's own stylizer, frame by frame and as the pipeline runs it, without files."""

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import cv2

from tsn.benchmarks.throughput.clip import first_frames
from tsn.benchmarks.throughput.modes import Mode
from tsn.benchmarks.throughput.stopwatch import Stopwatch, TimedBackend, TimedFlow
from tsn.benchmarks.throughput.task import Turn
from tsn.runtime.backends import Backend
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.frame import RGB, Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer, stylize_video
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.hold import TemporalBlend, open_flow
from tsn.runtime.threads import usable_cores
from tsn.runtime.transfer import VideoStyleTransfer

RATE = Fraction(24)  # frames a second of what is held in memory; nothing depends on it


class NetworksAlone:
    """The networks of a mode on the first frames of a clip, over and over; the style is encoded once.

    The frames run to and fro, so that no frame is a cut.
    """

    def __init__(
        self, transfer: VideoStyleTransfer, mode: Mode, *, clip: Path, style: str, threads: int | None = None
    ) -> None:
        bundle, backend = transfer.bundle, transfer.backend
        self._watch = Stopwatch()
        self._threads = threads or usable_cores()
        timed = TimedBackend(backend, bundle.manifest, self._watch)
        self._one_by_one = _stylizer(bundle, timed, style, side_by_side=False)
        self._as_pipeline = _stylizer(bundle, backend, style, side_by_side=True)
        if mode.temporal:
            flow = TimedFlow(open_flow(None, bundle, timed), self._watch)
            self._one_by_one.temporal = TemporalBlend(bundle, timed, flow=flow)
            self._as_pipeline.temporal = TemporalBlend(bundle, backend, flow=open_flow(None, bundle, backend))
        frames = first_frames(clip)
        self._frames = cycle([*frames, *frames[-2:0:-1]])

    def __call__(self, frames: int) -> Turn:
        """Time `frames` frames one by one, from a decoded one to one that could be encoded; then as many as a video."""
        pictures = list(islice(self._frames, frames))
        cv2.setNumThreads(self._threads)  # nothing runs beside a frame
        stages: list[dict[str, float]] = []
        started = time.perf_counter()
        self._watch.start()
        for picture in pictures:
            self._one_by_one(picture)
            stages.append(self._watch.lap())
        seconds = time.perf_counter() - started
        names = list(dict.fromkeys(name for frame in stages for name in frame))
        return Turn(
            frames=frames,
            seconds=seconds,
            frame_ms=tuple(sum(frame.values()) for frame in stages),
            stages_ms={name: tuple(frame.get(name, 0.0) for frame in stages) for name in names},
            pipelined_seconds=self._pipelined(pictures),
        )

    def _pipelined(self, pictures: Sequence[RGB]) -> float:
        """Seconds that the runtime's pipeline takes for frames that nobody decodes or encodes."""
        cv2.setNumThreads(max(1, self._threads // 2))  # as in VideoStyleTransfer: OpenCV works beside the stylizer
        return stylize_video(_Held(pictures), self._as_pipeline, _Nowhere(), progress=lambda done: None).wall


class _Held:
    """Frames in memory, as a source."""

    rate = RATE

    def __init__(self, pictures: Sequence[RGB]) -> None:
        height, width, _ = pictures[0].shape
        self.size = Size(width, height)
        self._pictures = pictures

    def __iter__(self) -> Iterator[Frame]:
        for index, picture in enumerate(self._pictures):
            yield Frame(pixels=FrameBuffer(picture), time=index / RATE, duration=1 / RATE)


class _Nowhere:
    """A sink that keeps nothing."""

    def write(self, frame: Frame) -> None:
        pass

    def close(self) -> None:
        pass


def _stylizer(bundle: Bundle, backend: Backend, style: str, *, side_by_side: bool) -> Stylizer:
    statistics = mixed_style(bundle, backend, [StyleChoice(source=style)], size=Settings().style_size)
    return Stylizer(bundle, backend, style=statistics, side_by_side=side_by_side)
