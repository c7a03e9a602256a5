"""The rows and modes of the table, as data: ways to run a bundle's networks, and what each of them needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tsn.runtime.backends import BACKENDS
from tsn.runtime.bundle.folder import sha256
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import InputError, UsageError

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
        """Return the name of the row that this one is compared with."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """With or without the temporal path."""

    name: str
    temporal: bool  # each frame held to the ones before it, with the bundle's flow or, where it has none, DIS
    networks: tuple[NetworkName, ...]  # that the bundle must hold


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(name="frame-wise", temporal=False, networks=("stylize",)),
        Mode(name="temporal", temporal=True, networks=("stylize", "blend")),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFiles:
    """The files that a bundle was exported from, in PyTorch's format: a checkpoint, or a decoder and its encoder."""

    checkpoint: Path | None = None
    encoder: Path | None = None  # None beside a decoder: torchvision's VGG-19
    decoder: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """Return the file of each half that is given."""
        if self.checkpoint is not None:
            return {"encoder": self.checkpoint, "decoder": self.checkpoint}
        halves = {"encoder": self.encoder, "decoder": self.decoder}
        return {half: path for half, path in halves.items() if path is not None}


def choose_rows(names: str | None) -> list[Row]:
    """Return the rows that "eager,onnxruntime-cpu" names, or all. Raises UsageError for an unknown name."""
    return [ROWS[name] for name in _chosen(names, ROWS, what="row")]


def choose_modes(names: str | None) -> list[Mode]:
    """Return the modes that "frame-wise,temporal" names, or all. Raises UsageError for an unknown name."""
    return [MODES[name] for name in _chosen(names, MODES, what="mode")]


def row_obstacle(row: Row, *, quick: bool, named: bool, driver: bool) -> str | None:
    """Return why a row cannot run whatever the bundle, as far as can be told without loading a library, or None.

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


def mode_obstacle(mode: Mode, manifest: Manifest) -> str | None:
    """Return why a bundle cannot run in a mode, or None."""
    missing = [name for name in mode.networks if name not in manifest.networks]
    return f"the bundle has no network '{missing[0]}'" if missing else None


def networks_of_frame(mode: Mode, manifest: Manifest) -> tuple[NetworkName, ...]:
    """Return the networks that run for each frame."""
    return (*mode.networks, "features", "flow") if mode.temporal and "flow" in manifest.networks else mode.networks


def given_weights(*, checkpoints: Sequence[Path], encoder: Path | None, decoder: Path | None) -> list[WeightFiles]:
    """Return the weights that the command line names. Raises InputError for a file that is not there."""
    given = [WeightFiles(checkpoint=checkpoint) for checkpoint in checkpoints]
    if decoder is not None:
        given.append(WeightFiles(encoder=encoder, decoder=decoder))
    elif encoder is not None:
        raise InputError(f"--encoder {encoder} alone is half a network. Give --decoder too")
    for weights in given:
        for path in weights.files.values():
            if not path.is_file():
                raise InputError(f"there is no file {path}")
    return given


def weights_of(manifest: Manifest, given: Sequence[WeightFiles]) -> WeightFiles | str:
    """Return the weights that a bundle was exported from, told by their checksums; or why there are none."""
    for weights in given:
        if all(manifest.sources.get(half, "").endswith(sha256(path)) for half, path in weights.files.items()):
            return weights
    if not given:
        return "needs the weights in PyTorch's format: --checkpoint FILE, or --decoder FILE and --encoder FILE"
    sources = ", ".join(f"{half}: {_shortened(source)}" for half, source in manifest.sources.items())
    return f"the given weights are not those of this bundle ({sources or 'its manifest names none'})"


def _chosen(names: str | None, known: Mapping[str, object], *, what: str) -> list[str]:
    chosen = list(known) if names is None else list(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no {what} '{name}'. Choose from: {', '.join(known)}")
    return chosen


def _shortened(source: str) -> str:
    name, _, digest = source.rpartition(" ")
    return f"{name} {digest[:12]}…" if name and len(digest) == 64 else source
