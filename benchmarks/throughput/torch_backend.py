"""PyTorch behind the runtime's interface of a backend, so that its rows are measured like the others."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tsn.benchmarks.throughput.rows import Device, Precision, Row, WeightFiles
from tsn.export.networks.anchors import AnchorGraph, CarryGraph
from tsn.export.networks.blend import BlendGraph
from tsn.export.networks.graphs import StyleGraph, StylizeGraph
from tsn.runtime.backends import Array, Session, Tensor
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.interfaces import NETWORKS, NetworkName
from tsn.runtime.errors import BundleError, UnavailableError
from tsn.train.networks.weights import Networks, load_checkpoint, load_networks

AUTOCAST: Mapping[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchTensor:
    """A torch tensor on its device."""

    def __init__(self, value: torch.Tensor) -> None:
        self.value = value

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape)

    def numpy(self) -> Array:
        return self.value.cpu().numpy()


class TorchSession:
    """One network as a module. It returns when the device has finished, so that a clock around it tells the truth."""

    def __init__(
        self, call: Callable[..., Any], *, inputs: tuple[str, ...], outputs: tuple[str, ...], device: Device,
        precision: Precision,
    ) -> None:  # fmt: skip
        self._call = call
        self._inputs = inputs
        self._outputs = outputs
        self._device = device
        self._dtype = AUTOCAST.get(precision)

    def __call__(self, **inputs: Tensor) -> Mapping[str, Tensor]:
        with torch.inference_mode(), self._autocast():
            results = self._call(*(_value(inputs[name]) for name in self._inputs))
        if self._device == "cuda":
            torch.cuda.synchronize()
        return {name: TorchTensor(result) for name, result in zip(self._outputs, results, strict=True)}

    def _autocast(self) -> AbstractContextManager[Any]:
        return nullcontext() if self._dtype is None else torch.autocast(self._device, self._dtype)


class TorchBackend:
    """The networks of a bundle, run by PyTorch from their weights before the export.

    Raises UnavailableError where this PyTorch has no CUDA device and the row asks for one.
    """

    name = "torch"
    notes = ()
    nvdec = None
    concurrency = 1  # one frame uses all the cores, or fills the GPU

    def __init__(self, row: Row, bundle: Bundle, networks: Networks, *, threads: int | None) -> None:
        if row.device == "cuda" and not torch.cuda.is_available():
            raise UnavailableError("PyTorch finds no CUDA device here")
        if row.torch == "torch_tensorrt":
            _import_torch_tensorrt()
        if threads is not None:
            torch.set_num_threads(threads)
        place = torch.cuda.get_device_name() if row.device == "cuda" else f"CPU, {torch.get_num_threads()} threads"
        self.description = f"PyTorch {torch.__version__}, {place}"
        self.in_host_memory = row.device == "cpu"
        self._row = row
        self._graphs: dict[NetworkName, nn.Module] = {
            "style": StyleGraph(networks.encoder),
            "stylize": StylizeGraph(networks.encoder, networks.decoder),
            "anchor": AnchorGraph(),
            "carry": CarryGraph(),
            "blend": BlendGraph(),
        }
        self._names = {network.file: name for name, network in bundle.manifest.networks.items()}
        self._inputs = {name: tuple(network.inputs) for name, network in bundle.manifest.networks.items()}
        self._outputs = {name: tuple(network.outputs) for name, network in bundle.manifest.networks.items()}
        self._loaded: dict[str, Callable[..., Any]] = {}

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        """Return the module that a file of the bundle was exported from. Raises BundleError for an unknown one."""
        name = self._names.get(network.name)
        if name is None or name not in self._graphs:
            raise BundleError(f"no network in PyTorch's format belongs to {network}")
        if name not in self._loaded:  # compiled once for a process
            self._loaded[name] = self._prepared(self._graphs[name])
        return TorchSession(
            self._loaded[name],
            inputs=self._inputs[name],
            outputs=self._outputs[name],
            device=self._row.device,
            precision=self._row.precision if NETWORKS[name].reducible else "fp32",
        )

    def upload(self, array: Array) -> Tensor:
        return TorchTensor(torch.from_numpy(np.array(array)).to(self._row.device))

    def interrupt(self) -> None:
        """Do nothing: PyTorch cannot end a run."""

    def _prepared(self, graph: nn.Module) -> Callable[..., Any]:
        graph = graph.eval().to(self._row.device)
        if self._row.torch == "eager":
            return graph
        return torch.compile(graph, backend=str(self._row.torch), dynamic=False)


def load_weights(files: WeightFiles) -> Networks:
    """Read the networks in the given files. Raises InputError."""
    if files.checkpoint is not None:
        return load_checkpoint(files.checkpoint)
    assert files.decoder is not None
    return load_networks(files.encoder, files.decoder)


def peak_gpu_bytes() -> int:
    """Return the most memory that torch has held on its CUDA device, in this process."""
    return torch.cuda.max_memory_reserved()


def _import_torch_tensorrt() -> None:
    try:
        import torch_tensorrt  # noqa: F401  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError, RuntimeError) as error:
        raise UnavailableError(
            f"torch_tensorrt cannot be imported ({error}). Run: pip install torch-tensorrt"
        ) from error


def _value(tensor: Tensor) -> torch.Tensor:
    assert isinstance(tensor, TorchTensor)
    return tensor.value
