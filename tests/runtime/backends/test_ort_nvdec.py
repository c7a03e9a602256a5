"""What NVDEC decodes beside ONNX Runtime. A stand-in for the driver copies host memory, and the CPU's tensors pose."""

import ctypes
from typing import Any

import numpy as np
import pytest

from tsn.runtime.backends.ort_nvdec import OrtNvdecInterop
from tsn.runtime.errors import DeviceError

CONTEXT, STREAM = 41, 42


class Driver:
    """The driver's functions that are called; `failing` ones refuse. Copies are made when the stream is waited for."""

    def __init__(self, *failing: str) -> None:
        self._failing = failing
        self.current = self.held = 0  # contexts pushed; contexts and streams kept
        self._waiting: list[tuple[int, int, int]] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("cu") and name in object.__getattribute__(self, "_failing"):
            return lambda *_: 700
        return object.__getattribute__(self, name)

    def cuDeviceGet(self, gpu: Any, index: int) -> int:
        return index

    def cuDevicePrimaryCtxRetain(self, context: Any, gpu: Any) -> int:
        context._obj.value = CONTEXT
        self.held += 1
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, gpu: Any) -> int:
        self.held -= 1
        return 0

    def cuStreamDestroy_v2(self, stream: Any) -> int:
        assert (self.current, stream.value) == (1, STREAM)
        self.held -= 1
        return 0

    def cuCtxPushCurrent_v2(self, context: Any) -> int:
        assert context.value == CONTEXT
        self.current += 1
        return 0

    def cuCtxPopCurrent_v2(self, context: Any) -> int:
        self.current -= 1
        return 0

    def cuStreamCreate(self, stream: Any, flags: int) -> int:
        assert (self.current, flags) == (1, 1)
        stream._obj.value = STREAM
        self.held += 1
        return 0

    def cuMemcpyDtoDAsync_v2(self, target: Any, source: Any, length: Any, stream: Any) -> int:
        assert (self.current, stream.value) == (1, STREAM)
        self._waiting.append((target.value, source.value, length.value))
        return 0

    def cuStreamSynchronize(self, stream: Any) -> int:
        assert (self.current, stream.value) == (1, STREAM)
        while self._waiting:
            ctypes.memmove(*self._waiting.pop())
        return 0

    def cuGetErrorString(self, code: int, text: Any) -> int:
        text._obj.value = b"an illegal memory access was encountered"
        return 0


def test_a_frame_is_copied_before_it_is_written_over_and_the_context_is_left_as_it_was() -> None:
    driver = Driver()
    surfaces = OrtNvdecInterop(driver, device="cpu")
    surface = np.arange(96, dtype=np.uint8).reshape(1, 4, 12, 2)
    tensor = surfaces.taken(surface.ctypes.data, surface.shape)
    expected = surface.copy()
    surface.fill(0)
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert (surfaces.context, surfaces.stream, driver.current) == (CONTEXT, STREAM, 0)
    del surfaces
    assert (driver.current, driver.held) == (0, 0)


@pytest.mark.parametrize("failing", ["cuMemcpyDtoDAsync_v2", "cuStreamSynchronize"])
def test_a_gpu_that_fails_is_an_error_with_the_drivers_own_words(failing: str) -> None:
    driver = Driver(failing)
    surfaces = OrtNvdecInterop(driver, device="cpu")
    surface = np.zeros((1, 2, 2, 2), np.uint8)
    with pytest.raises(DeviceError, match=r"failed: an illegal memory access was encountered\. Look with nvidia-smi"):
        surfaces.taken(surface.ctypes.data, surface.shape)
    assert driver.current == 0
