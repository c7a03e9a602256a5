"""A bundle's networks alone: the runtime's own stylizer, frame by frame and as the pipeline runs it, without files.

A stopwatch follows each frame from stage to stage.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import cv2

from tsn.benchmarks.throughput.clip import first_frames
from tsn.benchmarks.throughput.process import Turn
from tsn.benchmarks.throughput.rows import Mode
from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.frame import RGB, Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer, stylize_video
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.flow import FlowSource, Motion
from tsn.runtime.temporal.hold import TemporalBlend, open_flow
from tsn.runtime.threads import usable_cores
from tsn.runtime.transfer import VideoStyleTransfer

FRAMES = 8  # of the clip, that the networks are fed over and over
RATE = Fraction(24)  # frames a second of what is held in memory; nothing depends on it
REST = "other"  # the stage of what runs outside of any other: preparing arrays, bookkeeping


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
        timed_flow = TimedFlow(open_flow(None, bundle, timed), self._watch) if mode.temporal else None
        flow = open_flow(None, bundle, backend) if mode.temporal else None
        self._one_by_one = _stylizer(bundle, timed, style, flow=timed_flow, side_by_side=False)
        self._as_pipeline = _stylizer(bundle, backend, style, flow=flow, side_by_side=True)
        frames = [frame.rgb for frame in first_frames(clip, FRAMES)]
        self._frames = cycle([*frames, *frames[-2:0:-1]])

    def __call__(self, frames: int) -> Turn:
        """Time so many frames one by one, from a decoded one to one that could be encoded; then as many as a video."""
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
        """Return the seconds that the runtime's pipeline takes for frames that nobody decodes or encodes."""
        cv2.setNumThreads(max(1, self._threads // 2))  # as in VideoStyleTransfer: OpenCV works beside the stylizer
        return stylize_video(_InMemory(pictures), self._as_pipeline, _Nowhere(), progress=lambda done: None).wall


class Stopwatch:
    """Seconds by stage. A stage within a stage stops the outer one, so that the stages add up to the whole."""

    def __init__(self) -> None:
        self._stage = REST
        self._since = 0.0
        self._seconds: dict[str, float] = {}

    def start(self) -> None:
        """Begin the first frame, at 0 in every stage."""
        self._seconds = {}
        self._since = time.perf_counter()

    def lap(self) -> dict[str, float]:
        """End a frame and begin the next at the same moment; return the ms of each stage."""
        self._credit()
        stages = {stage: seconds * 1000 for stage, seconds in self._seconds.items()}
        self._seconds = {}
        return stages

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Count the time of the block for a stage."""
        self._credit()
        outer, self._stage = self._stage, name
        try:
            yield
        finally:
            self._credit()
            self._stage = outer

    def _credit(self) -> None:
        now = time.perf_counter()
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + now - self._since
        self._since = now


class TimedTensor:
    """A tensor whose way home is timed."""

    def __init__(self, tensor: Tensor, watch: Stopwatch) -> None:
        self.tensor = tensor
        self._watch = watch

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensor.shape

    def numpy(self) -> Array:
        with self._watch.stage("download"):
            return self.tensor.numpy()


class TimedSession:
    """A network whose calls are timed."""

    def __init__(self, session: Session, name: str, watch: Stopwatch) -> None:
        self._session = session
        self._name = name
        self._watch = watch

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        tensors = {name: tensor.tensor for name, tensor in inputs.items() if isinstance(tensor, TimedTensor)}
        with self._watch.stage(self._name):
            outputs = self._session(**tensors)
        return {name: TimedTensor(tensor, self._watch) for name, tensor in outputs.items()}


class TimedBackend:
    """A backend whose uploads, networks and downloads are timed; a network's stage has its name in the manifest."""

    def __init__(self, backend: Backend, manifest: Manifest, watch: Stopwatch) -> None:
        self.name = backend.name
        self.description = backend.description
        self.notes = backend.notes
        self.in_host_memory = backend.in_host_memory
        self.nvdec = None  # what it would take over is not timed
        self.concurrency = 1  # one clock follows one frame
        self._backend = backend
        self._names = names_of_files(manifest)
        self._watch = watch

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        session = self._backend.load(network, concurrency=concurrency, beside=beside)
        return TimedSession(session, self._names[network.name], self._watch)

    def upload(self, array: Array) -> Tensor:
        with self._watch.stage("upload"):
            return TimedTensor(self._backend.upload(array), self._watch)

    def interrupt(self) -> None:
        self._backend.interrupt()


class TimedFlow:
    """A flow that is timed, without the uploads and downloads within."""

    def __init__(self, flow: FlowSource, watch: Stopwatch) -> None:
        self._flow = flow
        self._watch = watch

    def __call__(self, current: FrameBuffer, previous: FrameBuffer) -> Motion:
        with self._watch.stage("flow"):
            return self._flow(current, previous)


def names_of_files(manifest: Manifest) -> dict[str, str]:
    """Return the network that each file of a bundle holds, in whatever form."""
    names: dict[str, str] = {}
    for name, network in manifest.networks.items():
        forms = [network, *network.variants.values(), *([network.engine] if network.engine else [])]
        names |= {form.file: name for form in forms}
    return names


class _InMemory:
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


def _stylizer(bundle: Bundle, backend: Backend, style: str, *, flow: FlowSource | None, side_by_side: bool) -> Stylizer:
    statistics = mixed_style(bundle, backend, [StyleChoice(source=style)], size=Settings().style_picture_size)
    temporal = None if flow is None else TemporalBlend(bundle, backend, flow=flow)
    return Stylizer(bundle, backend, style=statistics, temporal=temporal, side_by_side=side_by_side)
