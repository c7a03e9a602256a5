"""CUDA graphs: what a stream was given once, launched again as a whole. pycuda has none: the driver's library does."""

import ctypes
import weakref
from collections.abc import Callable
from typing import Any

from tsn.runtime.backends.driver import error_text

# Only what this thread does can spoil a capture: others may allocate, and the decoder does.
_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL


class CaptureRefusedError(Exception):
    """The work cannot be captured; the message is the driver's or the library's reason."""


class CudaGraph:
    """What `enqueue` puts on a stream, captured: its addresses are those of now.

    Args:
        driver: the driver's library; its context is current.
        stream: a handle.
        enqueue: puts the work on the stream, and says whether it could.

    Raises CaptureRefusedError.
    """

    def __init__(self, driver: Any, stream: int, enqueue: Callable[[], bool]) -> None:
        self._driver = driver
        self._stream = ctypes.c_void_p(stream)
        graph = ctypes.c_void_p()
        self._check(driver.cuStreamBeginCapture_v2(self._stream, _THREAD_LOCAL))
        enqueued = False
        try:
            enqueued = enqueue()
        finally:  # whatever happened, the stream must not stay in capture
            code = driver.cuStreamEndCapture(self._stream, ctypes.byref(graph))
        if not enqueued:
            raise CaptureRefusedError("the library refuses to be captured")
        self._check(code)
        self._graph = ctypes.c_void_p()
        code = driver.cuGraphInstantiateWithFlags(ctypes.byref(self._graph), graph, ctypes.c_ulonglong(0))
        driver.cuGraphDestroy(graph)
        self._check(code)
        weakref.finalize(self, driver.cuGraphExecDestroy, self._graph).atexit = False

    def launch(self) -> int:
        """Put the captured work on the stream. Gives the driver's error code, 0 where there is none."""
        return self._driver.cuGraphLaunch(self._graph, self._stream)

    def _check(self, code: int) -> None:
        if code:
            raise CaptureRefusedError(error_text(self._driver, code))
