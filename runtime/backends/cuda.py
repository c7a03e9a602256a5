"""The GPU's memory and stream, through pycuda: what the backends of TensorRT share.

The context is the GPU's primary one, which torch, TensorRT and NVDEC use beside us; pycuda.autoinit would make another.
Everything runs in the order of one stream, so memory that goes back to the pool is not written before it was read.
"""

# pycuda does not state its types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportMissingImports=false

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from threading import RLock
from typing import Any

import numpy as np

from tsn.runtime.backends import Array, Tensor
from tsn.runtime.backends.cuda_graph import CudaGraph
from tsn.runtime.driver import error_text, load_driver
from tsn.runtime.errors import DeviceError, UnavailableError


class CudaTensor:
    """A buffer on the GPU."""

    def __init__(self, device: "CudaDevice", memory: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._device = device
        self._memory = memory  # goes back to the pool with the last reference to it
        self.shape = shape
        self.dtype = dtype

    @property
    def address(self) -> int:
        return int(self._memory)

    def numpy(self) -> Array:
        return self._device.download(self._memory, self.shape, self.dtype)


class CudaDevice:
    """The first GPU: its primary context, one stream, and pools of device and pinned memory."""

    def __init__(self) -> None:
        try:
            self._cuda = import_module("pycuda.driver")
            tools = import_module("pycuda.tools")
        except ModuleNotFoundError as error:
            raise UnavailableError("pycuda is not installed. Run: pip install pycuda") from error
        except ImportError as error:
            raise UnavailableError(
                f"pycuda is installed but does not load: {error}. Install the NVIDIA driver and the CUDA toolkit, then "
                "run: pip install --force-reinstall --no-binary pycuda pycuda"
            ) from error
        self._driver = load_driver()
        self._cuda.init()
        self._context = self._cuda.Device(0).retain_primary_context()
        self._pinned: list[Any] = []  # host buffers that a copy under way may still read
        self._turn = RLock()  # the pools and the stream serve one thread at a time
        with self.current():
            self.stream = self._cuda.Stream()
            self._device_pool = tools.DeviceMemoryPool()
            self._host_pool = tools.PageLockedMemoryPool()

    @contextmanager
    def current(self) -> Generator[None]:
        """Make the context that of this thread, and of no other until the block ends.

        Raises DeviceError where the GPU fails: kernels run behind, so that may be at any later call.
        """
        with self._turn:
            try:
                self._context.push()
                try:
                    yield
                except self._cuda.MemoryError as error:
                    free, total = self._cuda.mem_get_info()
                    raise UnavailableError(
                        f"there is not enough GPU memory: {free / 2**30:.1f} of {total / 2**30:.1f} GiB are free. Make "
                        "the frames smaller with --size, or close other programs on the GPU"
                    ) from error
                finally:
                    self._cuda.Context.pop()
            except self._cuda.Error as error:
                raise DeviceError(f"the GPU failed: {error}. Look with nvidia-smi") from error

    def allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> CudaTensor:
        """A buffer with undefined content. Called inside `current`."""
        length = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        return CudaTensor(self, self._device_pool.allocate(max(1, length)), shape, dtype)

    def copy(self, source: CudaTensor, target: CudaTensor) -> None:
        """Queue a copy between two tensors of one shape. Called inside `current`."""
        length = int(np.prod(source.shape, dtype=np.int64)) * source.dtype.itemsize
        self._cuda.memcpy_dtod_async(target.address, source.address, length, self.stream)

    def capture(self, enqueue: Callable[[], bool]) -> CudaGraph:
        """What `enqueue` puts on the stream, as a graph. Called inside `current`; raises CaptureRefusedError."""
        self.stream.synchronize()
        return CudaGraph(self._driver, self.stream.handle, enqueue)

    def launch(self, graph: CudaGraph) -> None:
        """Put a captured graph on the stream. Called inside `current`."""
        if code := graph.launch():
            raise DeviceError(f"the GPU failed: {error_text(self._driver, code)}. Look with nvidia-smi")

    def upload(self, array: Array) -> Tensor:
        """Copy a host array to the GPU: it may be changed at once, the copy itself is queued."""
        with self.current():
            tensor = self.allocate(array.shape, array.dtype)
            pinned = self._host_pool.allocate(array.shape, array.dtype)
            pinned[...] = array
            self._cuda.memcpy_htod_async(tensor.address, pinned, self.stream)
            self._pinned.append(pinned)
        return tensor

    def download(self, memory: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """A copy in host memory, once all that was queued before it is done."""
        with self.current():
            pinned = self._host_pool.allocate(shape, dtype)
            self._cuda.memcpy_dtoh_async(pinned, int(memory), self.stream)
            self.stream.synchronize()
            self._pinned.clear()
            return np.array(pinned)
