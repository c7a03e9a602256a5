"""The NVIDIA driver, asked through its own library which GPUs are here, before any other library is touched:
TensorRT's Runtime ends the process with a segmentation fault where there is no driver.
"""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

from tsn.runtime.errors import UnavailableError

_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_NAME_BYTES = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU that CUDA can use."""

    name: str
    compute_capability: str  # "8.9"
    memory: int  # bytes

    def __str__(self) -> str:
        return f"{self.name} (sm_{self.compute_capability.replace('.', '')})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """The driver and its GPUs, at least one; the first is the one that is used."""

    cuda: str  # the newest CUDA that the driver serves: "12.8"
    gpus: tuple[Gpu, ...]


def probe_driver() -> Driver:
    """The driver and its GPUs. Raises UnavailableError where one is missing or does not work."""
    library = load_driver()
    code = library.cuInit(0)
    if code == _NO_DEVICE:
        raise UnavailableError(
            "the NVIDIA driver is here, but it shows no GPU. Look with nvidia-smi; in a container start it with "
            "--gpus all; and see that CUDA_VISIBLE_DEVICES is not empty"
        )
    _check(library, code)
    version, count = ctypes.c_int(), ctypes.c_int()
    _check(library, library.cuDriverGetVersion(ctypes.byref(version)))
    _check(library, library.cuDeviceGetCount(ctypes.byref(count)))
    gpus = tuple(_gpu(library, index) for index in range(count.value))
    if not gpus:
        raise UnavailableError("the NVIDIA driver is here, but it shows no GPU. Look with nvidia-smi")
    return Driver(cuda=f"{version.value // 1000}.{version.value % 1000 // 10}", gpus=gpus)


def load_driver() -> Any:
    """The driver's library. Raises UnavailableError where there is none."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise UnavailableError(
            f"there is no NVIDIA driver here: {name} cannot be loaded",
            cure="Install the driver of your GPU and look with nvidia-smi; in a container start it with --gpus all; "
            "or use --backend cpu",
        ) from error


def _gpu(library: Any, index: int) -> Gpu:
    device, name, memory = ctypes.c_int(), ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_size_t()
    _check(library, library.cuDeviceGet(ctypes.byref(device), index))
    _check(library, library.cuDeviceGetName(name, _NAME_BYTES, device))
    _check(library, library.cuDeviceTotalMem_v2(ctypes.byref(memory), device))
    major, minor = ctypes.c_int(), ctypes.c_int()
    _check(library, library.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device))
    _check(library, library.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device))
    return Gpu(
        name=name.value.decode(errors="replace"),
        compute_capability=f"{major.value}.{minor.value}",
        memory=memory.value,
    )


def _check(library: Any, code: int) -> None:
    if code:
        reason = error_text(library, code)
        raise UnavailableError(
            f"the NVIDIA driver does not work: {reason}. Look with nvidia-smi, or restart the machine"
        )


def error_text(library: Any, code: int) -> str:
    """What the driver says of an error code."""
    text = ctypes.c_char_p()
    library.cuGetErrorString(code, ctypes.byref(text))
    return text.value.decode(errors="replace") if text.value else f"error {code}"
