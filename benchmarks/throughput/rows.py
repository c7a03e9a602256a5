"""The rows of the table: ways to run a bundle's networks, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tsn.runtime.backends import BACKENDS
from tsn.runtime.errors import UsageError

Device = Literal["cpu", "cuda"]
Precision = Literal["fp32", "bf16", "fp16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to run a network.

    Exactly one of `backend` (a backend of the runtime) and `torch` (PyTorch on the networks before their export) is
    set. A row is compared with the eager row of its own device.
    """

    name: str
    title: str  # for people
    device: Device
    precision: Precision
    backend: str | None = None
    torch: Literal["eager", "inductor", "torch_tensorrt"] | None = None  # the others are backends of torch.compile
    slow_start: bool = False  # seconds to minutes before the first frame: left out by --quick

    @property
    def baseline(self) -> str:
        """The row that this one is compared with."""
        return "eager" if self.device == "cpu" else "eager-cuda"


ROWS: Mapping[str, Row] = {
    row.name: row
    for row in (
        Row(name="eager", title="PyTorch, eager, FP32", device="cpu", precision="fp32", torch="eager"),
        Row(name="eager-amp", title="PyTorch, eager, BF16 autocast", device="cpu", precision="bf16", torch="eager"),
        Row(
            name="compile",
            title="PyTorch, torch.compile, FP32",
            device="cpu",
            precision="fp32",
            torch="inductor",
            slow_start=True,
        ),
        Row(name="onnxruntime-cpu", title="ONNX Runtime, CPU", device="cpu", precision="fp32", backend="cpu"),
        Row(name="eager-cuda", title="PyTorch, eager, FP32, GPU", device="cuda", precision="fp32", torch="eager"),
        Row(
            name="eager-amp-cuda",
            title="PyTorch, eager, FP16 autocast, GPU",
            device="cuda",
            precision="fp16",
            torch="eager",
        ),
        Row(
            name="compile-cuda",
            title="PyTorch, torch.compile, FP16 autocast, GPU",
            device="cuda",
            precision="fp16",
            torch="inductor",
            slow_start=True,
        ),
        Row(name="onnxruntime-cuda", title="ONNX Runtime, CUDA", device="cuda", precision="fp32", backend="cuda"),
        Row(name="tensorrt", title="TensorRT", device="cuda", precision="fp16", backend="tensorrt"),
        Row(name="tensorrt-rtx", title="TensorRT for RTX", device="cuda", precision="fp16", backend="tensorrt-rtx"),
        Row(
            name="torch-tensorrt",
            title="Torch-TensorRT, FP16 autocast",
            device="cuda",
            precision="fp16",
            torch="torch_tensorrt",
            slow_start=True,
        ),
    )
}


def choose_rows(names: str | None) -> list[Row]:
    """The rows that "eager,onnxruntime-cpu" names, or all of them. Raises UsageError for an unknown name."""
    if names is None:
        return list(ROWS.values())
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in chosen:
        if name not in ROWS:
            raise UsageError(f"there is no row '{name}'. Choose from: {', '.join(ROWS)}")
    return [ROWS[name] for name in chosen]


def absence(row: Row, *, quick: bool, named: bool, driver: bool) -> str | None:
    """Why a row cannot run whatever the bundle, as far as can be told without loading a library; None where it may.

    Args:
        quick: rows with a slow start are left out, unless they are
        named: on the command line.
        driver: whether this machine has an NVIDIA driver.
    """
    if row.backend is not None and row.backend not in BACKENDS:
        return f"this version of the runtime has no backend '{row.backend}'"
    if row.device == "cuda" and not driver:
        return "this machine has no NVIDIA driver"
    if quick and row.slow_start and not named:
        return f"left out by --quick: it takes long to start. Name it: --rows {row.name}"
    return None
