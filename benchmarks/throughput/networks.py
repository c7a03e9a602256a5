"""A bundle's networks alone, frame by frame: the runtime's own stylizer, without decoding and encoding."""

import time
from pathlib import Path

import cv2

from tsn.benchmarks.throughput.clip import first_frames
from tsn.benchmarks.throughput.modes import Mode
from tsn.benchmarks.throughput.stopwatch import Stopwatch, TimedBackend, TimedFlow
from tsn.benchmarks.throughput.task import Turn
from tsn.runtime.job import Settings
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal import TemporalBlend, open_flow
from tsn.runtime.transfer import VideoStyleTransfer


class NetworksAlone:
    """The networks of a mode on the first frames of a clip, over and over; the style is encoded once.

    The frames run to and fro, so that no frame is a cut.
    """

    def __init__(
        self, transfer: VideoStyleTransfer, mode: Mode, *, clip: Path, style: str, threads: int | None = None
    ) -> None:
        bundle = transfer.bundle
        self._watch = Stopwatch()
        backend = TimedBackend(transfer.backend, bundle.manifest, self._watch)
        choice = StyleChoice(source=style)
        self._stylize = Stylizer(
            bundle, backend, style=mixed_style(bundle, backend, [choice], size=Settings().style_size)
        )
        if mode.temporal:
            cv2.setNumThreads(threads or 0)
            flow = TimedFlow(open_flow(None, bundle, backend), self._watch)
            self._stylize.temporal = TemporalBlend(bundle, backend, flow=flow)
        frames = first_frames(clip)
        self._frames = [*frames, *frames[-2:0:-1]]
        self._next = 0

    def __call__(self, frames: int) -> Turn:
        """Time `frames` frames, from a decoded one to one that could be encoded."""
        stages: list[dict[str, float]] = []
        started = time.perf_counter()
        self._watch.start()
        for _ in range(frames):
            self._stylize(self._frames[self._next % len(self._frames)])
            stages.append(self._watch.lap())
            self._next += 1
        seconds = time.perf_counter() - started
        names = list(dict.fromkeys(name for frame in stages for name in frame))
        return Turn(
            frames=frames,
            seconds=seconds,
            frame_ms=tuple(sum(frame.values()) for frame in stages),
            stages_ms={name: tuple(frame.get(name, 0.0) for frame in stages) for name in names},
        )
