"""ONNX Runtime on an NVIDIA GPU."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime as ort

from tsn.runtime.backends import Array, Backend, NvdecInterop, Session, Tensor, shapes_of
from tsn.runtime.backends.driver import Gpu, load_driver, probe_driver
from tsn.runtime.backends.ort import OrtTensor, device_error, refuse_other, run_error
from tsn.runtime.backends.ort_nvdec import OrtNvdecInterop
from tsn.runtime.bundle.interfaces import axis_lengths
from tsn.runtime.errors import BundleError, UnavailableError, first_line

PROVIDER = "CUDAExecutionProvider"
INSTALL = "pip uninstall -y onnxruntime; pip install 'onnxruntime-gpu>=1.27'"


class CudaOrtSession:
    """One ONNX network, its inputs and outputs bound to the GPU's memory.

    ONNX Runtime computes shapes on the CPU, and refuses to where falling back to it is disabled. So a session is made
    for the size of the frames that come, in which no shape is left to compute.
    """

    def __init__(self, network: Path) -> None:
        self._network = network
        self._lengths: dict[str, int] = {}  # the axes that the session is for
        self._session: Any = None

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        lengths = axis_lengths(shapes_of(inputs))
        if lengths != self._lengths:
            self._session = None  # its memory first
            self._session, self._lengths = open_session(self._network, lengths), lengths
        refuse_other(self._network, self._session, inputs)
        binding = self._session.io_binding()
        for name, tensor in inputs.items():
            assert isinstance(tensor, OrtTensor)
            binding.bind_ortvalue_input(name, tensor.value)
        names = [output.name for output in self._session.get_outputs()]
        for name in names:
            binding.bind_output(name, "cuda", 0)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:
            raise run_error(self._network, error) from error
        return {name: OrtTensor(value) for name, value in zip(names, binding.get_outputs(), strict=True)}


class CudaOrtBackend:
    """ONNX Runtime's CUDA provider on the first GPU, and no other provider."""

    name = "cuda"
    notes = ()
    in_host_memory = False
    concurrency = 1  # one frame fills the GPU

    def __init__(self, gpu: Gpu) -> None:
        self.description = f"ONNX Runtime {ort.__version__}, {gpu}"
        self._nvdec: NvdecInterop | None = None  # where NVDEC is used

    @property
    def nvdec(self) -> NvdecInterop:
        if self._nvdec is None:
            self._nvdec = OrtNvdecInterop(load_driver())
        return self._nvdec

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        return CudaOrtSession(network)

    def upload(self, array: Array) -> Tensor:
        try:
            return OrtTensor(ort.OrtValue.ortvalue_from_numpy(array, "cuda", 0))
        except Exception as error:
            raise device_error(error) from error

    def interrupt(self) -> None:
        """Nothing to do: a frame takes some milliseconds."""


def connect(*, threads: int | None) -> Backend:
    """The CUDA backend. Raises UnavailableError where the driver, the GPU or the provider is missing."""
    gpu = probe_driver().gpus[0]
    if PROVIDER not in ort.get_available_providers():
        raise UnavailableError(f"this ONNX Runtime was built without CUDA. Run: {INSTALL}")
    return CudaOrtBackend(gpu)


def session_options(lengths: Mapping[str, int]) -> Any:
    """Options for dynamic axes of these lengths, by name, which never fall back to the CPU."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    for name, length in lengths.items():
        options.add_free_dimension_override_by_name(name, length)
    # Without it a missing library of CUDA gives a session on the CPU, in silence.
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def open_session(network: Path, lengths: Mapping[str, int]) -> Any:
    """A session for dynamic axes of these lengths.

    Raises UnavailableError where CUDA does not load, BundleError for a bad file.
    """
    try:
        return ort.InferenceSession(str(network), session_options(lengths), providers=[PROVIDER])
    except Exception as error:  # ONNX Runtime raises a class of its own for each status code
        if "fallback to CPU" in str(error) or "CUDA" in str(error):
            raise UnavailableError(
                f"ONNX Runtime cannot run {network} on the GPU: {first_line(error)}. Its CUDA and cuDNN libraries may "
                "be missing. Run: pip install 'onnxruntime-gpu[cuda,cudnn]'"
            ) from error
        raise BundleError(f"{network} is no network that ONNX Runtime can load: {first_line(error)}") from error
