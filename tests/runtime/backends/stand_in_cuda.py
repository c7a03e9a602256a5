"""Stands for pycuda and the driver's library: a GPU whose memory is the host's, with streams and captured graphs.

What is queued on a stream runs when somebody waits for it, with work of other streams in between: a seed decides the
order. Memory that went back to its pool is given out again. So what is read too early or written too soon shows.
"""

import ctypes
import random
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tsn.runtime.backends import cuda
from tsn.runtime.backends.cuda import CudaDevice


class Error(Exception):
    """pycuda.driver.Error"""


class OutOfMemoryError(Error, MemoryError):
    """pycuda.driver.MemoryError"""


class Pool:
    """Device memory; the newest block that came back is the first to go out again."""

    def __init__(self, gpu: "Gpu") -> None:
        self._gpu = gpu
        self._free: dict[int, list[Any]] = {}

    def allocate(self, length: int) -> "Memory":
        free = self._free.setdefault(length, [])
        if not free:
            if length > self._gpu.memory:
                raise OutOfMemoryError("memory_pool::allocate failed: out of memory")
            self._gpu.memory -= length
            free.append(np.full(length, 0xAB, np.uint8))
        return Memory(free.pop(), free, self._gpu)

    def free_held(self) -> None:
        self._gpu.memory += sum(length * len(blocks) for length, blocks in self._free.items())
        for blocks in self._free.values():
            blocks.clear()


class Memory:
    """A block of a pool, which goes back to it with the last reference: without a context pycuda ends the process."""

    def __init__(self, content: Any, free: list[Any], gpu: "Gpu") -> None:
        self._content, self._free, self._gpu = content, free, gpu

    def __int__(self) -> int:
        return self._content.ctypes.data

    def __del__(self) -> None:
        self._free.append(self._content)
        self._gpu.freed_outside += self._gpu.depth == 0


class Event:
    """Reached once the work before it has run."""

    def __init__(self, gpu: "Gpu") -> None:
        self._gpu, self.reached = gpu, False

    def record(self, stream: "Stream") -> "Event":
        self._gpu.queue(lambda: setattr(self, "reached", True), stream.handle)
        return self

    def query(self) -> bool:
        return self.reached

    def synchronize(self) -> None:
        self._gpu.run(lambda: self.reached)


class Stream:
    """A stream of the GPU."""

    def __init__(self, gpu: "Gpu") -> None:
        self._gpu, self.handle = gpu, len(gpu.waiting) + 7
        gpu.waiting[self.handle] = deque()

    def wait_for_event(self, event: Event) -> None:
        self._gpu.queue(lambda: None, self.handle, ready=lambda: event.reached)

    def synchronize(self) -> None:
        self._gpu.run(lambda: not self._gpu.waiting[self.handle])


@dataclass
class Work:
    """What a stream was given, and when it may run."""

    run: Callable[[], None]
    ready: Callable[[], bool]


class Gpu:
    """The GPU. `failure` is raised by all that is asked of it; `refuses` makes it refuse captured graphs."""

    def __init__(self, seed: int = 0) -> None:
        self.failure: Exception | None = None
        self.refuses = False
        self.memory = 2**30  # bytes that no pool holds
        self.depth = 0  # contexts pushed and not popped
        self.launches = 0
        self.freed_outside = 0  # blocks that came back while no context was current
        self.waiting: dict[int, deque[Work]] = {}  # by the handle of a stream
        self._capturing: list[Callable[[], None]] | None = None
        self._graphs: list[list[Callable[[], None]]] = []
        self._random = random.Random(seed)

    def queue(self, work: Callable[[], None], stream: int, *, ready: Callable[[], bool] = lambda: True) -> None:
        """Put `work` on a stream, or capture it."""
        if self.failure is not None:
            raise self.failure
        if self._capturing is None:
            self.waiting[stream].append(Work(work, ready))
        else:
            self._capturing.append(work)

    def run(self, until: Callable[[], bool]) -> None:
        """Run what waits, one piece of any stream after another."""
        if self.failure is not None:
            raise self.failure
        while not until():
            streams = [line for line in self.waiting.values() if line and line[0].ready()]
            assert streams, "the streams wait for each other"
            self._random.choice(streams).popleft().run()

    # The driver's functions that cuda_graph.py calls; 900 is CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED.

    def cuStreamBeginCapture_v2(self, stream: ctypes.c_void_p, mode: int) -> int:
        if self.refuses:
            return 900
        self._capturing = []
        return 0

    def cuStreamEndCapture(self, stream: ctypes.c_void_p, graph: Any) -> int:
        assert self._capturing is not None
        self._graphs.append(self._capturing)
        self._capturing = None
        graph._obj.value = len(self._graphs)
        return 0

    def cuGraphInstantiateWithFlags(self, made: Any, graph: ctypes.c_void_p, flags: Any) -> int:
        made._obj.value = graph.value
        return 0

    def cuGraphLaunch(self, graph: ctypes.c_void_p, stream: ctypes.c_void_p) -> int:
        assert graph.value is not None
        assert stream.value is not None
        self.launches += 1
        for work in self._graphs[graph.value - 1]:
            self.queue(work, stream.value)
        return 0

    def cuGraphDestroy(self, graph: ctypes.c_void_p) -> int:
        return 0

    def cuGraphExecDestroy(self, graph: ctypes.c_void_p) -> int:
        return 0

    def cuGetErrorString(self, code: int, text: Any) -> int:
        text._obj.value = b"operation not permitted when stream is capturing"
        return 0


def install(monkeypatch: pytest.MonkeyPatch, *, seed: int = 0) -> tuple[CudaDevice, Gpu]:
    """Put the stand-in in pycuda's place, and give a device on it."""
    gpu = Gpu(seed)

    def copy(dest: Any, source: Any, length: int, stream: Stream) -> None:
        addresses = int(dest), int(source)
        gpu.queue(lambda: ctypes.memmove(*addresses, length) and None, stream.handle)

    def count(step: int) -> None:
        gpu.depth += step

    driver, tools = ModuleType("pycuda.driver"), ModuleType("pycuda.tools")
    driver.__dict__.update(
        Error=Error,
        MemoryError=OutOfMemoryError,
        init=lambda: None,
        Device=lambda index: SimpleNamespace(
            retain_primary_context=lambda: SimpleNamespace(push=lambda: count(1), handle=99),
        ),
        Context=SimpleNamespace(pop=lambda: count(-1)),
        Stream=lambda flags: Stream(gpu),
        Event=lambda flags: Event(gpu),
        event_flags=SimpleNamespace(DISABLE_TIMING=2),
        mem_get_info=lambda: (2**29, 2**30),
        memcpy_htod_async=lambda dest, source, stream: copy(dest, source.ctypes.data, source.nbytes, stream),
        memcpy_dtoh_async=lambda dest, source, stream: copy(dest.ctypes.data, source, dest.nbytes, stream),
        memcpy_dtod_async=lambda dest, source, size, stream: copy(dest, source, size, stream),
    )
    tools.__dict__.update(
        DeviceMemoryPool=lambda: Pool(gpu),
        PageLockedMemoryPool=lambda: SimpleNamespace(allocate=np.empty, free_held=lambda: None),
    )
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    monkeypatch.setitem(sys.modules, "pycuda.tools", tools)
    monkeypatch.setattr(cuda, "load_driver", lambda: gpu)
    return CudaDevice(), gpu
