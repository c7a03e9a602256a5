"""The bundle: a folder of networks and the manifest that says what they are. tsn-export writes it, tsn-run reads it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tsn.runtime.errors import BundleError

MANIFEST = "manifest.json"
FORMAT = 1  # raised when a manifest can no longer be read by older versions
SHIPPED = Path(__file__).parent / "bundles"

NetworkName = Literal["style", "stylize", "flow", "blend"]
ReducedPrecision = Literal["fp16", "bf16"]
Precision = Literal["fp32", ReducedPrecision]
Form = Literal[Precision, "engine"]  # which of a network's files is meant
Library = Literal["tensorrt", "tensorrt-rtx"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$")]
"""A plain name: a manifest cannot point outside its folder."""
SizeText = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$")]  # "1920x1080": what Size.parse reads


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
    opset: int
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
    onnx_sha256: Sha256  # of the file that it was built from
    minimum: SizeText  # the frames that it takes; equal to `maximum` for a static engine
    optimum: SizeText
    maximum: SizeText
    verified: Accuracy | None  # against the bundle's FP32 network, on a GPU; None until one has run it


class Network(_Model):
    """One network as FP32 ONNX: what every backend that reads ONNX runs unless another file is named."""

    file: FileName
    sha256: Sha256
    opset: int
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    minimum_side: int  # pixels; smaller frames are refused
    largest_pixels: int | None = None  # of a frame, where the network has a limit
    multiply_adds: float | None = None  # for a pixel of a large frame, where they can be counted
    accuracy: Accuracy | None = None
    variants: Mapping[ReducedPrecision, Variant] = {}
    engine: Engine | None = None


class Style(_Model):
    """A named style: mean and standard deviation of each channel of the encoder's features."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def arrays(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and std as float32 vectors (C,)."""
        return np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)


class Manifest(_Model):
    """What manifest.json holds."""

    format: int = FORMAT
    name: str
    made_by: str  # "temporalstylenet 0.1.0"
    architecture: str  # "adain-vgg19", "lite"
    channels: int  # of the encoder's features: the length of a style's mean and std
    sources: Mapping[str, str] = {}  # what each network was made from: a file name and its sha256
    networks: Mapping[NetworkName, Network]
    styles: Mapping[str, Style] = {}

    def document(self) -> str:
        """The text of manifest.json."""
        return self.model_dump_json(indent=2) + "\n"


class Bundle:
    """A bundle on disk, read and checked.

    Args:
        form: which of its files `network` gives: ONNX of a precision, or engines.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, form: Form = "fp32") -> None:
        self.folder = folder
        self.manifest = manifest
        self.form: Form = form

    def network(self, name: NetworkName) -> Path:
        """The path of a network's file, its checksum verified. Raises BundleError where it is missing or changed.

        A network that has no ONNX of the form's precision is given in FP32.
        """
        if name not in self.manifest.networks:
            raise BundleError(f"the bundle {self.folder} has no network '{name}'. Export it again with tsn-export")
        network = self.manifest.networks[name]
        if self.form == "engine":
            if network.engine is None:
                raise BundleError(
                    f"the bundle {self.folder} has no engine of the network '{name}'. "
                    f"Run: tsn-export --from {self.folder} --engine"
                )
            return self.checked(network.engine)
        return self.checked(network if self.form == "fp32" else network.variants.get(self.form, network))

    def checked(self, entry: Network | Variant | Engine) -> Path:
        """The path of a file that the manifest names. Raises BundleError where it is missing or changed."""
        path = self.folder / entry.file
        if not path.is_file():
            raise BundleError(f"the bundle {self.folder} lacks {entry.file}. Copy the whole folder, or export it again")
        if (found := sha256(path)) != entry.sha256:
            raise BundleError(
                f"{path} is not the file that was exported: sha256 is {found[:12]}…, {MANIFEST} says "
                f"{entry.sha256[:12]}…. Copy the whole folder again, or export it again"
            )
        return path

    def named(self, place: Path, library: Library | None) -> "Bundle":
        """This bundle in the form that a backend of `library` runs; without one, in that of the file at `place`."""
        form: Form = "engine" if library is not None else "fp32"
        if library is None:
            for network in self.manifest.networks.values():
                for precision, variant in network.variants.items():
                    if variant.file == place.name:
                        form = precision
        return Bundle(self.folder, self.manifest, form=form)

    def library_of(self, place: Path) -> Library | None:
        """The library that runs the file at `place`, where that is one of the bundle's engines."""
        engines = (network.engine for network in self.manifest.networks.values())
        return next((engine.library for engine in engines if engine and engine.file == place.name), None)


def open_bundle(place: str | Path) -> Bundle:
    """The bundle in a folder, around a file of it, or shipped under a name with this package.

    Raises BundleError: nothing there, no manifest, an unreadable one, or one of a newer format.
    """
    folder = _folder(Path(place))
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BundleError(
            f"{path} cannot be read ({error.strerror}). Export the bundle again with tsn-export"
        ) from error
    except UnicodeDecodeError as error:
        raise BundleError(f"{path} is no manifest: it is not text. Export the bundle again with tsn-export") from error
    return Bundle(folder, parse_manifest(text, path))


def parse_manifest(text: str, path: Path) -> Manifest:
    """The manifest in `text`; `path` is only named in errors. Raises BundleError."""
    try:
        found = _Format.model_validate_json(text)
        if found.format > FORMAT:
            raise BundleError(
                f"{path} has format {found.format}, this version reads up to {FORMAT}. "
                "Update with: pip install --upgrade temporalstylenet"
            )
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise BundleError(f"{path} is no valid manifest: {where}: {first['msg']}. Export the bundle again") from error


def shipped_bundles() -> list[str]:
    """The names of the bundles that come with this package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))


def library_named(name: str) -> Library | None:
    """The library called `name`, where it is one that runs engines."""
    return next((library for library in get_args(Library) if library == name), None)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Format(BaseModel):
    model_config = ConfigDict(extra="ignore")
    format: int


def _folder(place: Path) -> Path:
    if place.is_dir():
        return place
    if place.is_file():
        return place.parent
    if len(place.parts) == 1 and (SHIPPED / place / MANIFEST).is_file():
        return SHIPPED / place
    shipped = ", ".join(shipped_bundles()) or "none"
    raise BundleError(f"there is no bundle at {place}. Give its folder or a file in it; shipped by name: {shipped}")
