"""TensorRT and TensorRT-RTX, on an NVIDIA GPU: engines that tsn-export built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsn.runtime.backends import Array, Backend, Session, Tensor, shapes_of
from tsn.runtime.backends.cuda import CudaDevice, CudaTensor, Stream
from tsn.runtime.backends.cuda_graph import CaptureRefusedError, CudaGraph
from tsn.runtime.backends.driver import Gpu, probe_driver
from tsn.runtime.backends.engine_fit import engine_at, rebuild, refuse_foreign, refuse_size
from tsn.runtime.backends.trt_library import TrtLibrary, open_library
from tsn.runtime.bundle.interfaces import frame_size
from tsn.runtime.bundle.manifest import Engine, Library
from tsn.runtime.errors import BundleError, DeviceError, UnavailableError


class TrtSession:
    """One engine with one execution context. Its calls run on one of the device's streams, one after another.

    An engine for frames of one size is captured as a CUDA graph after its first call, which saves launching its
    kernels one by one. `notes` gets a line where that is refused.
    """

    def __init__(
        self,
        engine: Any,
        entry: Engine,
        path: Path,
        library: TrtLibrary,
        device: CudaDevice,
        *,
        stream: Stream,
        outputs: Sequence[str],
        notes: list[str],
    ) -> None:
        self._entry, self._path, self._library, self._notes = entry, path, library, notes
        self._device, self._stream = device, stream
        self._engine = engine  # owns the weights that the context uses
        trt = library.module
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        given = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]
        # Torch-TensorRT numbers what a network gives; else the names are those of the manifest, in any order.
        self._outputs = dict(zip(given, given if set(given) == set(outputs) else outputs, strict=True))
        self._dtypes = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}
        self._context = engine.create_execution_context()
        if self._context is None:
            raise UnavailableError(_failure(library, f"start {path}"))
        self._capturable = entry.minimum == entry.maximum
        self._captured: _Captured | None = None

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        if (size := frame_size(shapes_of(inputs))) is not None:
            refuse_size(self._entry, self._path, size)
        given: dict[str, CudaTensor] = {}
        for name, tensor in inputs.items():
            assert isinstance(tensor, CudaTensor)
            assert tensor.dtype == self._dtypes[name], (name, tensor.dtype)
            given[name] = tensor
        with self._device.current():
            self._stream.wait_for(given.values())
            outputs: dict[str, CudaTensor] = {}
            try:
                outputs = self._run(given) if self._captured is None else self._replayed(self._captured, given)
            finally:  # also behind what was queued before a failure
                self._stream.finish(reads=given.values(), writes=outputs.values())
        return outputs

    def _run(self, inputs: Mapping[str, CudaTensor]) -> dict[str, CudaTensor]:
        outputs = self._bound(inputs)
        if not self._enqueue():
            raise DeviceError(_failure(self._library, f"run {self._path}"))
        if self._capturable:
            self._capture(inputs)
        return outputs

    def _bound(self, inputs: Mapping[str, CudaTensor]) -> dict[str, CudaTensor]:
        """New outputs, after the context was told their addresses and those of `inputs`."""
        for name, tensor in inputs.items():
            self._context.set_input_shape(name, tensor.shape)
            self._context.set_tensor_address(name, tensor.address)
        outputs: dict[str, CudaTensor] = {}
        for name, called in self._outputs.items():
            shape = tuple(int(side) for side in self._context.get_tensor_shape(name))
            outputs[called] = self._device.allocate(self._stream, shape, self._dtypes[name])
            self._context.set_tensor_address(name, outputs[called].address)
        return outputs

    def _enqueue(self) -> bool:
        return self._context.execute_async_v3(self._stream.handle)

    def _capture(self, inputs: Mapping[str, CudaTensor]) -> None:
        """Capture the engine, which has run once, on buffers of its own: those of a call belong to the caller."""
        self._capturable = False  # one attempt
        fixed = {
            name: self._device.allocate(self._stream, tensor.shape, tensor.dtype) for name, tensor in inputs.items()
        }
        results = self._bound(fixed)
        asked = getattr(self._context, "is_stream_capturable", None)  # newer libraries say so beforehand
        try:
            if asked is not None and not asked(self._stream.handle):
                raise CaptureRefusedError("the library says that this engine cannot be captured")
            graph = self._device.capture(self._enqueue, self._stream)
        except CaptureRefusedError as error:
            reasons = self._library.take_errors() or str(error)
            self._notes.append(f"{self._path.name} runs without a CUDA graph, and so a little slower: {reasons}")
            return
        self._captured = _Captured(graph=graph, inputs=fixed, outputs=results)

    def _replayed(self, captured: "_Captured", inputs: Mapping[str, CudaTensor]) -> dict[str, CudaTensor]:
        for name, tensor in inputs.items():
            assert tensor.shape == captured.inputs[name].shape, (name, tensor.shape)
            self._device.copy(tensor, captured.inputs[name], self._stream)
        self._device.launch(captured.graph)
        outputs: dict[str, CudaTensor] = {}
        for name, result in captured.outputs.items():
            outputs[name] = self._device.allocate(self._stream, result.shape, result.dtype)
            self._device.copy(result, outputs[name], self._stream)
        return outputs


@dataclass(frozen=True, slots=True, kw_only=True)
class _Captured:
    """A graph, and the buffers whose addresses it holds."""

    graph: CudaGraph
    inputs: Mapping[str, CudaTensor]
    outputs: Mapping[str, CudaTensor]


class TrtBackend:
    """A library of TensorRT's kind on the first GPU."""

    in_host_memory = False
    concurrency = 1  # an engine has one execution context, and one frame fills the GPU

    def __init__(self, library: TrtLibrary, gpu: Gpu, device: CudaDevice) -> None:
        self.name: str = library.name
        self._library, self._gpu, self._device = library, gpu, device
        self.description = f"{library.title}, {gpu}"
        self.notes: list[str] = []
        self.nvdec = device

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        """Load a plan, once the manifest beside it says that it is ours and fits. Raises BundleError."""
        bundle, name, entry = engine_at(network)
        refuse_foreign(entry, network, library=self._library.name, version=self._library.version, gpu=self._gpu)
        plan = bundle.checked(entry).read_bytes()
        with self._device.current():
            self._library.take_errors()
            runtime = self._library.module.Runtime(self._library.logger)
            engine = runtime.deserialize_cuda_engine(plan)
            if engine is None:
                raise BundleError(
                    f"{network} cannot be loaded by {self._library.title}: {self._library.take_errors()}. "
                    f"{rebuild(network.parent, self._library.name)}"
                )
            outputs = list(bundle.manifest.networks[name].outputs)
            return TrtSession(
                engine,
                entry,
                network,
                self._library,
                self._device,
                stream=self._device.beside if beside else self._device.networks,
                outputs=outputs,
                notes=self.notes,
            )

    def upload(self, array: Array) -> Tensor:
        return self._device.upload(array)

    def interrupt(self) -> None:
        """Nothing to do: a frame takes some milliseconds."""


def connect_tensorrt(*, threads: int | None) -> Backend:
    """TensorRT. Raises UnavailableError where the driver, the GPU or a library is missing."""
    return _connect("tensorrt")


def connect_tensorrt_rtx(*, threads: int | None) -> Backend:
    """TensorRT-RTX. Raises UnavailableError where the driver, the GPU or a library is missing."""
    return _connect("tensorrt-rtx")


def _connect(name: Library) -> Backend:
    gpu = probe_driver().gpus[0]  # first: without a driver trt.Runtime ends the process with a segmentation fault
    return TrtBackend(open_library(name), gpu, CudaDevice())


def _failure(library: TrtLibrary, action: str) -> str:
    reasons = library.take_errors() or "it gives no reason"
    return f"{library.title} cannot {action}: {reasons}. Where memory is short, make the frames smaller with --size"
