"""ONNX Runtime on the CPU."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import onnxruntime as ort

from tsn.runtime.backends import Array, Backend, Session, Tensor
from tsn.runtime.errors import BundleError, DeviceError, UnavailableError, first_line
from tsn.runtime.threads import usable_cores

MOST_CONCURRENCY = 4  # frames at once: each holds its own activations


class OrtTensor:
    """An OrtValue in host memory."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape())

    def numpy(self) -> Array:
        try:
            return self.value.numpy()
        except Exception as error:
            raise device_error(error) from error


class OrtSession:
    """One ONNX network.

    It runs in a thread of its own, so that Ctrl-C reaches Python at once: a frame of a large network takes seconds.
    """

    def __init__(
        self, network: Path, session: ort.InferenceSession, runner: ThreadPoolExecutor, under_way: set[Any]
    ) -> None:
        self._network = network
        self._session = session
        self._runner = runner
        self._under_way = under_way  # the options of the backend's runs: to end them
        self._outputs = [output.name for output in session.get_outputs()]

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        refuse_other(self._network, self._session, inputs)
        values: dict[str, Any] = {name: _value(tensor) for name, tensor in inputs.items()}
        options = ort.RunOptions()
        self._under_way.add(options)
        running = self._runner.submit(self._session.run_with_ort_values, self._outputs, values, options)
        try:
            results = running.result()
        except Exception as error:
            raise run_error(self._network, error) from error
        finally:
            options.terminate = True  # does nothing once the run has ended
            self._under_way.discard(options)
        return {name: OrtTensor(value) for name, value in zip(self._outputs, results, strict=True)}


class OrtBackend:
    """ONNX Runtime's CPU provider."""

    name = "cpu"
    notes = ()
    in_host_memory = True
    nvdec = None

    def __init__(self, *, threads: int | None) -> None:
        self._threads = threads or usable_cores()
        self.concurrency = min(self._threads, MOST_CONCURRENCY)
        self._runner = ThreadPoolExecutor(self.concurrency + 1, thread_name_prefix="inference")
        self._under_way: set[Any] = set()
        self.description = f"ONNX Runtime {ort.__version__}, CPU, {self._threads} threads"

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        options = ort.SessionOptions()
        options.intra_op_num_threads = max(1, self._threads // concurrency)
        options.log_severity_level = 4
        options.enable_mem_pattern = False  # it plans blocks that take twice the memory here, and gains no time
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the decoder needs the cores too
        try:
            session = ort.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises a class of its own for each status code
            raise BundleError(f"{network} is no network that ONNX Runtime can load: {first_line(error)}") from error
        return OrtSession(network, session, self._runner, self._under_way)

    def interrupt(self) -> None:
        for options in tuple(self._under_way):
            options.terminate = True

    def upload(self, array: Array) -> Tensor:
        return OrtTensor(ort.OrtValue.ortvalue_from_numpy(array))


def connect(*, threads: int | None) -> Backend:
    """The CPU backend."""
    return OrtBackend(threads=threads)


def _value(tensor: Tensor) -> Any:
    assert isinstance(tensor, OrtTensor)
    return tensor.value


def refuse_other(network: Path, session: ort.InferenceSession, inputs: Mapping[str, Tensor]) -> None:
    """Raise BundleError where the file `network` is another network than the one that takes `inputs`."""
    taken = {entry.name for entry in session.get_inputs()}
    if taken != set(inputs):
        raise BundleError(
            f"{network} is another network than its name in the manifest says: it takes {', '.join(sorted(taken))}, "
            f"and should take {', '.join(sorted(inputs))}. Export the bundle again"
        )


def run_error(network: Path, error: Exception) -> Exception:
    """What a failed run means to a user: a foreign network, or what `device_error` finds."""
    if "INVALID_ARGUMENT" in str(error):  # inputs of another type or shape
        return BundleError(f"{network} is not as its manifest says: {first_line(error)}. Export the bundle again")
    return device_error(error)


def device_error(error: Exception) -> Exception:
    """What a failure at work means to a user: memory or the device where ONNX Runtime raised it, else a bug as it is.

    It raises classes of its own when it runs a network, and RuntimeError when it copies to or from a GPU.
    """
    text = str(error)
    if "allocate memory" in text or "bad_alloc" in text or "bad allocation" in text or "out of memory" in text:
        return UnavailableError(
            "there is not enough memory for frames of this size", cure="Make them smaller with --size"
        )
    if isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime"):
        return DeviceError(f"ONNX Runtime failed: {first_line(error)}")
    return error
