"""The manifest of a bundle: what each network is, and what every value in it may be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tsn.runtime.bundle.interfaces import NETWORKS, NetworkName
from tsn.runtime.errors import BundleError, TsnError

MANIFEST = "manifest.json"
FORMAT = 1  # raised when a manifest can no longer be read by older versions

OUTDATED: Final = "outdated"  # the kind of error that writing networks without weights anew mends

ReducedPrecision = Literal["fp16", "bf16"]
Precision = Literal["fp32", ReducedPrecision]
Form = Literal[Precision, "engine"]  # which of a network's files is meant
Library = Literal["tensorrt", "tensorrt-rtx"]
Via = Literal["onnx", "torch-tensorrt"]  # how a network gets to the library
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
"""A plain name: a manifest cannot point outside its folder."""
SizeText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]  # "1920x1080": what Size.parse reads
Count = Annotated[int, Field(ge=1)]
Statistic = Annotated[float, Field(ge=-1e6, le=1e6)]  # those of trained networks stay below a thousand


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TensorSpec(_Model):
    """One input or output: its dtype, and for each axis a length or the name of a dynamic one."""

    dtype: Literal["uint8", "float32", "float16"]
    shape: tuple[int | str, ...]


class Accuracy(_Model):
    """How far a network lies from FP32 PyTorch on real frames; levels are those of an 8-bit picture."""

    psnr_db: float
    worst_level: float
    quantile_999_level: float
    frames: int


class Variant(_Model):
    """A network with its convolutions in half precision, as ONNX: engines are built from it. It takes and gives what
    the network itself does."""

    file: FileName
    sha256: Sha256
    opset: Count
    accuracy: Accuracy


class Engine(_Model):
    """A network built by TensorRT or TensorRT-RTX: it fits one version of the library and these kinds of GPU."""

    file: FileName
    sha256: Sha256
    library: Library
    version: str  # of the library: "1.7.1.116"
    compute_capabilities: tuple[str, ...]  # "8.9"
    gpu: str | None  # the one that it was built on; None where it was built without one
    precision: Precision
    via: Via = "onnx"
    onnx_sha256: Sha256  # of the file that it was built from, or that the same network was exported to
    minimum: SizeText  # the frames that it takes; equal to `maximum` for a static engine
    optimum: SizeText
    maximum: SizeText
    verified: Accuracy | None  # against the bundle's FP32 network, on a GPU; None until one has run it
    inaccurate: bool = False  # verified to lie beyond the thresholds, and kept because --allow-inaccurate said so


class Network(_Model):
    """One network as FP32 ONNX: what every backend that reads ONNX runs unless another file is named."""

    file: FileName
    sha256: Sha256
    opset: Count
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    minimum_side: Count  # pixels; smaller frames are refused
    largest_pixels: Count | None = None  # of a frame, where the network has a limit
    multiply_adds: Annotated[float, Field(ge=0)] | None = None  # for a pixel, where they can be counted
    updates: Count | None = None  # of a flow: how often it is refined
    scale: Annotated[float, Field(gt=0, le=1)] | None = None  # of a flow and its features: of the frames they see
    accuracy: Accuracy | None = None
    variants: Mapping[ReducedPrecision, Variant] = {}
    engine: Engine | None = None


class Style(_Model):
    """A named style: mean and standard deviation of each channel of the encoder's features."""

    mean: tuple[Statistic, ...]
    std: tuple[Annotated[Statistic, Field(ge=0)], ...]

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and std as float32 vectors (C,)."""
        return np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)


class Manifest(_Model):
    """What manifest.json holds."""

    format: Count = FORMAT
    name: str
    made_by: str  # "temporalstylenet 0.1.0"
    architecture: str  # "adain-vgg19", "lite"
    channels: Count  # of the encoder's features: the length of a style's mean and std
    sources: Mapping[str, str] = {}  # what each network was made from: a file name and its sha256
    networks: Mapping[NetworkName, Network]
    styles: Mapping[str, Style] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for name, expected in NETWORKS.items():
            if expected.required and name not in self.networks:
                raise ValueError(f"the network '{name}' is missing")
        for name, network in self.networks.items():
            expected = NETWORKS[name]
            for needed in expected.needs:
                if needed not in self.networks:
                    raise ValueError(f"the network '{name}' needs the network '{needed}', which is missing")
            inputs, outputs = ({tensor.name for tensor in side} for side in (expected.inputs, expected.outputs))
            if (network.inputs.keys(), network.outputs.keys()) != (inputs, outputs):
                what = (
                    f"the network '{name}' takes {', '.join(network.inputs)} and gives {', '.join(network.outputs)}, "
                    f"expected are {', '.join(sorted(inputs))} and {', '.join(sorted(outputs))}"
                )
                if expected.weightless:
                    raise PydanticCustomError(OUTDATED, "{what}", {"what": what})
                raise ValueError(what)
        for name, style in self.styles.items():
            if not len(style.mean) == len(style.std) == self.channels:
                raise ValueError(
                    f"the style '{name}' has {len(style.mean)} means and {len(style.std)} standard deviations, "
                    f"the networks take {self.channels}"
                )
        return self

    def document(self) -> str:
        """The text of manifest.json."""
        return self.model_dump_json(indent=2) + "\n"


def parse_manifest(text: str, path: Path) -> Manifest:
    """The manifest in `text`; `path` is only named in errors. Raises BundleError."""
    try:
        refuse_newer(text, path, newest=FORMAT, error=BundleError)
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " if part == first["loc"][-1] else f"{part}." for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == OUTDATED:
            raise BundleError(
                f"{path.parent} is a bundle of another version: {what}", cure=f"Run: {refresh_command(path.parent)}"
            ) from error
        raise BundleError(f"{path} is no valid manifest: {where}{what}. Export the bundle again") from error


def refresh_command(folder: Path) -> str:
    """Return the command that brings a bundle of another version up to date."""
    return f"tsn-export --from {folder} --refresh"


def refuse_newer(text: str, path: Path, *, newest: int, error: type[TsnError]) -> None:
    """Raise `error` where the JSON document `text`, of the file `path`, has a format that only later versions read.

    Raises pydantic's ValidationError where it states none.
    """
    found = _Format.model_validate_json(text).format
    if found > newest:
        raise error(
            f"{path} has format {found}, this version reads up to {newest}. Install a newer version of temporalstylenet"
        )


def library_named(name: str) -> Library | None:
    """The library called `name`, where it is one that runs engines."""
    return next((library for library in get_args(Library) if library == name), None)


class _Format(BaseModel):
    model_config = ConfigDict(extra="ignore")
    format: Count
