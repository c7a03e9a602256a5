"""What NVDEC decodes beside ONNX Runtime on one GPU, copied there with the driver's own library."""

import ctypes
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnxruntime as ort

from tsn.runtime.backends import Tensor
from tsn.runtime.backends.driver import error_text
from tsn.runtime.backends.ort import OrtTensor, device_error
from tsn.runtime.errors import DeviceError

_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING


class OrtNvdecInterop:
    """The primary context of the first GPU, which ONNX Runtime uses too, and a stream for NVDEC: see NvdecInterop.

    Args:
        driver: the driver's library, after cuInit.
        device: where ONNX Runtime's tensors lie, as it calls that.
    """

    def __init__(self, driver: Any, *, device: str = "cuda") -> None:
        self._driver, self._device = driver, device
        gpu, context, stream = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        _check(driver, driver.cuDeviceGet(ctypes.byref(gpu), 0))
        _check(driver, driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), gpu))
        self._context = context
        with _current(driver, context):
            _check(driver, driver.cuStreamCreate(ctypes.byref(stream), _NON_BLOCKING))
        self._stream = stream
        weakref.finalize(self, _release, driver, gpu, context, stream).atexit = False

    @property
    def context(self) -> int:
        return self._context.value or 0

    @property
    def stream(self) -> int:
        return self._stream.value or 0

    def taken(self, address: int, shape: tuple[int, ...]) -> Tensor:
        try:
            value: Any = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.uint8, self._device, 0)
        except Exception as error:
            raise device_error(error) from error
        length = ctypes.c_size_t(int(np.prod(shape)))
        source, target = ctypes.c_uint64(address), ctypes.c_uint64(value.data_ptr())
        with _current(self._driver, self._context):
            _check(self._driver, self._driver.cuMemcpyDtoDAsync_v2(target, source, length, self._stream))
            _check(self._driver, self._driver.cuStreamSynchronize(self._stream))
        return OrtTensor(value)


@contextmanager
def _current(driver: Any, context: ctypes.c_void_p) -> Generator[None]:
    """Make the context that of this thread."""
    _check(driver, driver.cuCtxPushCurrent_v2(context))
    try:
        yield
    finally:
        driver.cuCtxPopCurrent_v2(ctypes.byref(ctypes.c_void_p()))


def _check(driver: Any, code: int) -> None:
    if code:
        raise DeviceError(f"the GPU failed: {error_text(driver, code)}. Look with nvidia-smi")


def _release(driver: Any, gpu: ctypes.c_int, context: ctypes.c_void_p, stream: ctypes.c_void_p) -> None:
    with _current(driver, context):
        driver.cuStreamDestroy_v2(stream)
    driver.cuDevicePrimaryCtxRelease_v2(gpu)
