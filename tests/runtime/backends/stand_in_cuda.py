"""Stands for pycuda and the driver's library: a GPU whose memory is the host's, with one stream and captured graphs.

What is queued runs at once, unless the stream is capturing: then it becomes part of a graph, with the addresses of that
time, as on a GPU.
"""

import ctypes
import sys
from collections.abc import Callable
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


class Memory:
    """A block of a pool; filled with what an earlier owner may have left."""

    def __init__(self, length: int) -> None:
        self._content = np.full(length, 0xAB, np.uint8)

    def __int__(self) -> int:
        return self._content.ctypes.data


class Gpu:
    """The GPU. `failure` is raised by all that is asked of it; `refuses` makes it refuse captured graphs."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.refuses = False
        self.depth = 0  # contexts pushed and not popped
        self.launches = 0
        self._capturing: list[Callable[[], None]] | None = None
        self._graphs: list[list[Callable[[], None]]] = []

    def queue(self, work: Callable[[], None]) -> None:
        """Run `work`, or capture it."""
        if self.failure is not None:
            raise self.failure
        if self._capturing is None:
            work()
        else:
            self._capturing.append(work)

    # The driver's functions that cuda_graph.py calls; 900 is CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED.

    def cuStreamBeginCapture_v2(self, stream: ctypes.c_void_p, mode: int) -> int:  # noqa: N802
        if self.refuses:
            return 900
        self._capturing = []
        return 0

    def cuStreamEndCapture(self, stream: ctypes.c_void_p, graph: Any) -> int:  # noqa: N802
        assert self._capturing is not None
        self._graphs.append(self._capturing)
        self._capturing = None
        graph._obj.value = len(self._graphs)
        return 0

    def cuGraphInstantiateWithFlags(self, made: Any, graph: ctypes.c_void_p, flags: Any) -> int:  # noqa: N802
        made._obj.value = graph.value
        return 0

    def cuGraphLaunch(self, graph: ctypes.c_void_p, stream: ctypes.c_void_p) -> int:  # noqa: N802
        assert graph.value is not None
        self.launches += 1
        for work in self._graphs[graph.value - 1]:
            work()
        return 0

    def cuGraphDestroy(self, graph: ctypes.c_void_p) -> int:  # noqa: N802
        return 0

    def cuGraphExecDestroy(self, graph: ctypes.c_void_p) -> int:  # noqa: N802
        return 0

    def cuGetErrorString(self, code: int, text: Any) -> int:  # noqa: N802
        text._obj.value = b"operation not permitted when stream is capturing"
        return 0


def install(monkeypatch: pytest.MonkeyPatch) -> tuple[CudaDevice, Gpu]:
    """Put the stand-in in pycuda's place, and give a device on it."""
    gpu = Gpu()

    def copy(dest: Any, source: Any, length: int) -> None:
        gpu.queue(lambda: ctypes.memmove(int(dest), int(source), length) and None)

    def count(step: int) -> None:
        gpu.depth += step

    def allocate(shape: Any, dtype: Any = np.uint8) -> Any:
        if isinstance(shape, int):
            if shape > 2**30:
                raise OutOfMemoryError("memory_pool::allocate failed: out of memory")
            return Memory(shape)
        return np.empty(shape, dtype)

    driver, tools = ModuleType("pycuda.driver"), ModuleType("pycuda.tools")
    driver.__dict__.update(
        Error=Error,
        MemoryError=OutOfMemoryError,
        init=lambda: None,
        Device=lambda index: SimpleNamespace(
            retain_primary_context=lambda: SimpleNamespace(push=lambda: count(1)),
        ),
        Context=SimpleNamespace(pop=lambda: count(-1)),
        Stream=lambda: SimpleNamespace(handle=7, synchronize=lambda: gpu.queue(lambda: None)),
        mem_get_info=lambda: (2**29, 2**30),
        memcpy_htod_async=lambda dest, source, stream: copy(dest, source.ctypes.data, source.nbytes),
        memcpy_dtoh_async=lambda dest, source, stream: copy(dest.ctypes.data, source, dest.nbytes),
        memcpy_dtod_async=lambda dest, source, size, stream: copy(dest, source, size),
    )
    pool = SimpleNamespace(allocate=allocate)
    tools.__dict__.update(DeviceMemoryPool=lambda: pool, PageLockedMemoryPool=lambda: pool)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    monkeypatch.setitem(sys.modules, "pycuda.tools", tools)
    monkeypatch.setattr(cuda, "load_driver", lambda: gpu)
    return CudaDevice(), gpu
