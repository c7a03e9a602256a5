"""Where the time of a frame goes: every moment belongs to exactly one stage."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.temporal.flow import FlowSource, Motion

REST = "other"  # what runs outside of any stage: preparing arrays, bookkeeping


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
        """End a frame and begin the next at the same moment: ms by stage."""
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


def names_of_files(manifest: Manifest) -> dict[str, str]:
    """The network that each file of a bundle holds, in whatever form."""
    names: dict[str, str] = {}
    for name, network in manifest.networks.items():
        forms = [network, *network.variants.values(), *([network.engine] if network.engine else [])]
        names |= {form.file: name for form in forms}
    return names


class TimedFlow:
    """A flow that is timed, without the uploads and downloads within."""

    def __init__(self, flow: FlowSource, watch: Stopwatch) -> None:
        self._flow = flow
        self._watch = watch

    def __call__(self, current: FrameBuffer, previous: FrameBuffer) -> Motion:
        with self._watch.stage("flow"):
            return self._flow(current, previous)
