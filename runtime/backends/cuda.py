"""The GPU's memory and its streams, through pycuda: what the backends of TensorRT share.

The context is the GPU's primary one, which torch, TensorRT and NVDEC use beside us; pycuda.autoinit would make another.
Work runs on four streams: copies from the host, NVDEC, networks, and networks beside those. Each writes to memory of a
pool of its own alone, and waits for the event of what it reads of another's. So memory that goes back to its pool is
not written before it was read: its own stream writes behind that, and what another stream reads is held until it has.
"""

# pycuda does not state its types.

import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from importlib import import_module
from threading import RLock
from typing import Any

import numpy as np

from tsn.runtime.backends import Array, Tensor
from tsn.runtime.backends.cuda_graph import CudaGraph
from tsn.runtime.backends.driver import error_text, load_driver
from tsn.runtime.backends.trt_library import INSTALL_PYCUDA
from tsn.runtime.errors import DeviceError, UnavailableError

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: what others put on the default stream, as NVDEC does, goes on beside ours


class Stream:
    """One of the GPU's streams, and the memory that it writes to. Used inside `CudaDevice.current`.

    What is dropped on the way goes back there too: outside, pycuda can give back neither memory nor events.

    Args:
        cuda: pycuda.driver.
        pool: of device memory, for this stream alone.
    """

    def __init__(self, cuda: Any, pool: Any) -> None:
        self._cuda, self._pool = cuda, pool
        self._stream = cuda.Stream(NON_BLOCKING)
        self._dropped: deque[Any] = deque()
        self._held: list[tuple[Any, Sequence[Any]]] = []  # what the work before each event still reads

    @property
    def queue(self) -> Any:
        """pycuda's stream."""
        return self._stream

    @property
    def handle(self) -> int:
        return self._stream.handle

    def allocate(self, length: int) -> Any:
        """Memory with undefined content, for this stream to write to."""
        self._give_back()
        return self._pool.allocate(max(1, length))

    def finish_all(self) -> None:
        """Wait for the work, and hold nothing for it any longer."""
        self._stream.synchronize()
        self._held.clear()

    def empty(self) -> None:
        """Give memory that nothing uses back to the GPU."""
        self._give_back()
        self._pool.free_held()

    def drop(self, *things: Any) -> None:
        """Give back memory and events of this stream later, inside `CudaDevice.current`. From any thread."""
        self._dropped.append(things)

    def _give_back(self) -> None:
        while self._dropped:
            self._dropped.popleft()

    def wait_for(self, tensors: Iterable["CudaTensor"]) -> None:
        """Queue nothing more before those of the tensors are written that other streams write."""
        for tensor in tensors:
            if tensor.stream is not self:
                self._stream.wait_for_event(tensor.written)

    def mark(self, *, held: Sequence[Any] = ()) -> Any:
        """An event behind all that is queued so far; `held` is kept until then."""
        event = self._cuda.Event(self._cuda.event_flags.DISABLE_TIMING)
        event.record(self._stream)
        self._give_back()
        self._held = [(done, things) for done, things in self._held if not done.query()]
        if held:
            self._held.append((event, held))
        return event

    def finish(self, reads: Iterable["CudaTensor"], writes: Iterable["CudaTensor"]) -> None:
        """Say that the work just queued reads and writes these tensors."""
        event = self.mark(held=[tensor for tensor in reads if tensor.stream is not self])
        for tensor in writes:
            tensor.written = event


class CudaTensor:
    """A buffer on the GPU, written by the work of one stream before the event `written`."""

    def __init__(
        self, device: "CudaDevice", stream: Stream, memory: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._device = device
        self._memory = memory
        self.stream = stream
        self.written: Any = None
        self.shape = shape
        self.dtype = dtype

    def __del__(self) -> None:
        self.stream.drop(self._memory, self.written)

    @property
    def address(self) -> int:
        return int(self._memory)

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    def numpy(self) -> Array:
        return self._device.download(self)


class CudaDevice:
    """The first GPU: its primary context, and its streams.

    Attributes:
        copies: the stream of copies from the host.
        decoding: that of NVDEC, and of copies of what it decodes.
        networks, beside: streams of networks; those of the second run beside those of the first.
    """

    def __init__(self) -> None:
        try:
            self._cuda = import_module("pycuda.driver")
            tools = import_module("pycuda.tools")
        except ModuleNotFoundError as error:
            raise UnavailableError(f"pycuda is not installed. Run: {INSTALL_PYCUDA}") from error
        except ImportError as error:
            raise UnavailableError(
                f"pycuda is installed but does not load: {error}. Install or update the NVIDIA driver, then run: "
                f"{INSTALL_PYCUDA}"
            ) from error
        self._driver = load_driver()
        self._cuda.init()
        self._context = self._cuda.Device(0).retain_primary_context()
        self._turn = RLock()  # the pools and the streams serve one thread at a time
        with self.current():
            self.copies, self.decoding, self.networks, self.beside = (
                Stream(self._cuda, tools.DeviceMemoryPool()) for _ in range(4)
            )
            self._host_pool = tools.PageLockedMemoryPool()
        weakref.finalize(self, _end, self._context, self._host_pool)

    @contextmanager
    def current(self) -> Generator[None]:
        """Make the context that of this thread, and let no other thread queue anything until the block ends.

        Raises DeviceError where the GPU fails: kernels run behind, so that may be at any later call.
        """
        with self._turn, self._pushed():
            yield

    @contextmanager
    def _pushed(self) -> Generator[None]:
        try:
            self._context.push()
            try:
                yield
            except self._cuda.MemoryError as error:
                free, total = self._cuda.mem_get_info()
                raise UnavailableError(
                    f"there is not enough GPU memory: {free / 2**30:.1f} of {total / 2**30:.1f} GiB are free",
                    cure="Make the frames smaller with --size, or close other programs on the GPU",
                ) from error
            finally:
                self._cuda.Context.pop()
        except self._cuda.Error as error:
            raise DeviceError(f"the GPU failed: {error}. Look with nvidia-smi") from error

    def allocate(self, stream: Stream, shape: tuple[int, ...], dtype: np.dtype[Any]) -> CudaTensor:
        """A buffer with undefined content that a stream is to write to. Called inside `current`."""
        length = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        try:
            memory = stream.allocate(length)
        except self._cuda.MemoryError:  # it may lie unused in another stream's pool
            streams = (self.copies, self.decoding, self.networks, self.beside)
            for other in streams:
                other.finish_all()  # of all first: each holds memory of the others
            for other in streams:
                other.empty()
            memory = stream.allocate(length)
        return CudaTensor(self, stream, memory, shape, dtype)

    def copy(self, source: CudaTensor, target: CudaTensor, stream: Stream) -> None:
        """Queue a copy between two tensors of one shape. Called inside `current`."""
        self._cuda.memcpy_dtod_async(target.address, source.address, source.nbytes, stream.queue)

    def capture(self, enqueue: Callable[[], bool], stream: Stream) -> CudaGraph:
        """What `enqueue` puts on the stream, as a graph. Called inside `current`; raises CaptureRefusedError."""
        stream.queue.synchronize()
        return CudaGraph(self._driver, stream.handle, enqueue)

    def launch(self, graph: CudaGraph) -> None:
        """Put a captured graph on its stream. Called inside `current`."""
        if code := graph.launch():
            raise DeviceError(f"the GPU failed: {error_text(self._driver, code)}. Look with nvidia-smi")

    def upload(self, array: Array) -> Tensor:
        """Copy a host array to the GPU: it may be changed at once, the copy itself is queued."""
        with self.current():
            tensor = self.allocate(self.copies, array.shape, array.dtype)
            pinned = self._host_pool.allocate(array.shape, array.dtype)
            pinned[...] = array
            self._cuda.memcpy_htod_async(tensor.address, pinned, self.copies.queue)
            tensor.written = self.copies.mark(held=[pinned])
        return tensor

    @property
    def context(self) -> int:
        """The handle of CUDA's context: see NvdecInterop."""
        return self._context.handle

    @property
    def stream(self) -> int:
        """The handle of the stream to decode on: see NvdecInterop."""
        return self.decoding.handle

    def taken(self, address: int, shape: tuple[int, ...]) -> Tensor:
        """A copy of what NVDEC left at an address: see NvdecInterop."""
        with self.current():
            tensor = self.allocate(self.decoding, shape, np.dtype(np.uint8))
            self._cuda.memcpy_dtod_async(tensor.address, address, tensor.nbytes, self.decoding.queue)
            tensor.written = self.decoding.mark()
        with self._pushed():
            tensor.written.synchronize()
        return tensor

    def download(self, tensor: CudaTensor) -> Array:
        """A copy in host memory, once the tensor is written. Other threads go on meanwhile."""
        with self.current():
            pinned = self._host_pool.allocate(tensor.shape, tensor.dtype)
            self._cuda.memcpy_dtoh_async(pinned, tensor.address, tensor.stream.queue)
            copied = tensor.stream.mark()
        with self._pushed():
            copied.synchronize()
        tensor.stream.drop(copied)
        return np.array(pinned)


def _end(context: Any, host_pool: Any) -> None:
    """Leave the context current where the process, or the device, ends: what is given back from here on needs one."""
    context.push()
    host_pool.free_held()
