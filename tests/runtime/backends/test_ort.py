"""What a failure of ONNX Runtime at work means."""

import onnxruntime.capi.onnxruntime_pybind11_state as states
import pytest

from tsn.runtime.backends.ort import OrtTensor, device_error
from tsn.runtime.errors import DeviceError, UnavailableError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (states.Fail("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 700: an illegal memory access"), DeviceError),
        (RuntimeError("CUDA failure 719: unspecified launch failure"), DeviceError),
        (RuntimeError("Failed to allocate memory for requested buffer of size 9"), UnavailableError),
        (TypeError("a mistake of ours"), TypeError),
    ],
)
def test_only_what_the_library_raises_is_a_failure_of_the_device(error: Exception, kind: type[Exception]) -> None:
    assert type(device_error(error)) is kind


def test_a_frame_that_does_not_come_home_is_one() -> None:
    class Lost:
        def numpy(self) -> None:
            raise RuntimeError("CUDA failure 719: unspecified launch failure")

    with pytest.raises(DeviceError, match="ONNX Runtime failed: CUDA failure 719"):
        OrtTensor(Lost()).numpy()
