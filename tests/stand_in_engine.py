"""Engines that are ONNX files and run on the CPU, exactly or spoiled: they stand for TensorRT's without a GPU."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tsn.runtime.backends import Array, Backend, Session, Tensor, open_backend
from tsn.runtime.bundle.manifest import Library

NAME: Library = "tensorrt"


class Levels:
    """A tensor with something added."""

    def __init__(self, tensor: Tensor, spoil: float) -> None:
        self._tensor, self._spoil = tensor, spoil
        self.shape = tensor.shape

    def numpy(self) -> Array:
        """The values; what is added lies over the lower half of the range alone, so that nothing wraps around."""
        values = np.array(self._tensor.numpy())
        scale = 1 if values.dtype == np.uint8 else float(np.abs(values).max()) / 255
        return np.where(values < 128 * scale, values + np.asarray(self._spoil * scale, values.dtype), values)


class StandIn:
    """Runs plans that are ONNX files; the outputs of `spoilt` networks are `by` levels of 255 too large."""

    name, description, concurrency, notes = NAME, "stands for TensorRT", 1, ()
    nvdec = None
    in_host_memory = False

    def __init__(self, *, spoilt: str = "", by: float = 0.0) -> None:
        self._cpu: Backend = open_backend("cpu", threads=1)
        self._spoilt, self._by = spoilt, by
        self.upload, self.interrupt = self._cpu.upload, self._cpu.interrupt
        self.loaded: list[str] = []

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        """The session of a plan."""
        self.loaded.append(network.name)
        session = self._cpu.load(network)

        def call(**inputs: Tensor) -> Mapping[str, Tensor]:
            outputs = session(**inputs)
            if network.name != self._spoilt:
                return outputs
            return {name: Levels(tensor, self._by) for name, tensor in outputs.items()}

        return call
