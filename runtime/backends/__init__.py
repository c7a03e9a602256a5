"""Ways to run a network, and the one way to call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.errors import UnavailableError

Array = NDArray[Any]


class Tensor(Protocol):
    """A buffer that stays where its backend computes."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def numpy(self) -> Array:
        """A copy in host memory: the only way home."""
        ...


class NvdecInterop(Protocol):
    """How a backend takes over what NVDEC decodes beside it on the same GPU."""

    @property
    def context(self) -> int:
        """The handle of CUDA's context."""
        ...

    @property
    def stream(self) -> int:
        """The handle of the stream to decode on."""
        ...

    def taken(self, address: int, shape: tuple[int, ...]) -> Tensor:
        """A copy of the bytes that the stream's work so far leaves at an address of the GPU: they may change then."""
        ...


class Session(Protocol):
    """One loaded network: tensors in, tensors out, nothing copied."""

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]: ...


class Backend(Protocol):
    """A device and the library that drives it."""

    @property
    def name(self) -> str:
        """The name that open_backend takes."""
        ...

    @property
    def description(self) -> str:
        """The library, its version and the device, for people."""
        ...

    @property
    def notes(self) -> Sequence[str]:
        """Lines on how the networks ran, where that is not as it might be."""
        ...

    @property
    def in_host_memory(self) -> bool:
        """Whether its tensors lie in host memory, where other libraries work on them too without a copy."""
        ...

    @property
    def nvdec(self) -> NvdecInterop | None:
        """How decoded frames get to it without a way over the host; None where they cannot."""
        ...

    @property
    def concurrency(self) -> int:
        """How many frames at once it may pay to compute, where a frame is little work."""
        ...

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        """Load a network file, for calls from up to `concurrency` threads at once.

        Those that are loaded to run `beside` others need not wait for them, on a device where work waits in line.

        Raises BundleError if it is damaged or of another kind.
        """
        ...

    def interrupt(self) -> None:
        """Make the calls that are under way end early, with an error, where they can take long."""
        ...

    def upload(self, array: Array) -> Tensor:
        """Copy a host array to the device: the only way there."""
        ...


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors by their names."""
    return {name: tensor.shape for name, tensor in tensors.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendEntry:
    """Where a backend is, and what it needs beside its library."""

    module: str
    connect: str  # its function `(*, threads: int | None) -> Backend`; raises UnavailableError with the cure
    driver: bool = False  # the NVIDIA driver
    pycuda: bool = False


BACKENDS: Mapping[str, BackendEntry] = {
    "cpu": BackendEntry(module="tsn.runtime.backends.ort", connect="connect"),
    "cuda": BackendEntry(module="tsn.runtime.backends.ort_cuda", connect="connect", driver=True),
    "tensorrt": BackendEntry(module="tsn.runtime.backends.trt", connect="connect_tensorrt", driver=True, pycuda=True),
    "tensorrt-rtx": BackendEntry(
        module="tsn.runtime.backends.trt", connect="connect_tensorrt_rtx", driver=True, pycuda=True
    ),
}


def open_backend(name: str, *, threads: int | None = None) -> Backend:
    """Open the backend called `name`, importing the one library it needs.

    A backend never falls back to a slower device: that would look like a slow GPU.

    Args:
        name: one of BACKENDS.
        threads: how many threads compute on the CPU; None takes one for each core.

    Raises:
        UnavailableError: the name is unknown, or the library or the device is missing.
    """
    if name not in BACKENDS:
        raise UnavailableError(f"there is no backend '{name}'. Choose one of: {', '.join(BACKENDS)}")
    entry = BACKENDS[name]
    return getattr(import_module(entry.module), entry.connect)(threads=threads)


def scalar(value: float) -> Array:
    """A number as the networks take it: float32, shape (1,)."""
    return np.array([value], dtype=np.float32)
