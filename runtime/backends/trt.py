"""TensorRT and TensorRT-RTX, on an NVIDIA GPU: engines that tsn-export built."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.backends.cuda import CudaDevice, CudaTensor
from tsn.runtime.driver import Gpu, probe_driver
from tsn.runtime.engines import engine_at, rebuild, refuse_foreign, refuse_size
from tsn.runtime.errors import BundleError, DeviceError, UnavailableError
from tsn.runtime.geometry import Size
from tsn.runtime.manifest import Engine, Library
from tsn.runtime.trt_library import TrtLibrary, open_library

FRAMES = ("frame", "image", "current")  # inputs uint8 (1, H, W, 3) whose size decides whether an engine fits


class TrtSession:
    """One engine with one execution context. Calls run on the device's stream, one after another."""

    def __init__(self, engine: Any, entry: Engine, path: Path, library: TrtLibrary, device: CudaDevice) -> None:
        self._entry, self._path, self._library, self._device = entry, path, library, device
        self._engine = engine  # owns the weights that the context uses
        trt = library.module
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        self._outputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]
        self._dtypes = {name: np.dtype(trt.nptype(engine.get_tensor_dtype(name))) for name in names}
        self._context = engine.create_execution_context()
        if self._context is None:
            raise UnavailableError(_failure(library, f"start {path}"))

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        for name in FRAMES:
            if name in inputs:
                refuse_size(self._entry, self._path, Size(inputs[name].shape[2], inputs[name].shape[1]))
        with self._device.current():
            for name, tensor in inputs.items():
                assert isinstance(tensor, CudaTensor)
                assert tensor.dtype == self._dtypes[name], (name, tensor.dtype)
                self._context.set_input_shape(name, tensor.shape)
                self._context.set_tensor_address(name, tensor.address)
            outputs: dict[str, CudaTensor] = {}
            for name in self._outputs:
                shape = tuple(int(side) for side in self._context.get_tensor_shape(name))
                outputs[name] = self._device.allocate(shape, self._dtypes[name])
                self._context.set_tensor_address(name, outputs[name].address)
            if not self._context.execute_async_v3(self._device.stream.handle):
                raise DeviceError(_failure(self._library, f"run {self._path}"))
        return outputs


class TrtBackend:
    """A library of TensorRT's kind on the first GPU."""

    lanes = 1  # an engine has one execution context, and one frame fills the GPU

    def __init__(self, library: TrtLibrary, gpu: Gpu, device: CudaDevice) -> None:
        self.name: str = library.name
        self._library, self._gpu, self._device = library, gpu, device
        self.description = f"{library.title}, {gpu}"

    def load(self, network: Path, *, lanes: int = 1) -> Session:
        """Load a plan, once the manifest beside it says that it is ours and fits. Raises BundleError."""
        bundle, _, entry = engine_at(network)
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
            return TrtSession(engine, entry, network, self._library, self._device)

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
