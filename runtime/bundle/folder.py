"""The bundle: a folder of networks and the manifest that says what they are. tsn-export writes it, tsn-run reads it."""

import hashlib
from difflib import get_close_matches
from pathlib import Path

from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Engine, Form, Library, Manifest, Network, Variant, parse_manifest
from tsn.runtime.errors import BundleError
from tsn.runtime.files import refuse_url

SHIPPED = Path(__file__).parent / "shipped"


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
    refuse_url(str(place))
    folder = bundle_folder(Path(place))
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


def bundle_folder(place: Path) -> Path:
    """Return the folder of a bundle: itself, that of a file in it, or of a shipped name. Raises BundleError."""
    if place.is_dir():
        return place
    if place.is_file():
        return place.parent
    if len(place.parts) == 1 and (SHIPPED / place / MANIFEST).is_file():
        return SHIPPED / place
    shipped = shipped_bundles()
    near = get_close_matches(str(place), shipped, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise BundleError(
        f"there is no bundle at {place}. {hint}Give its folder or a file in it; "
        f"shipped by name: {', '.join(shipped) or 'none'}"
    )


def is_bundle(place: str | Path) -> bool:
    """Whether open_bundle finds a manifest there, whatever is in it."""
    try:
        return (bundle_folder(Path(place)) / MANIFEST).is_file()
    except (BundleError, OSError):  # a name may be too long to look at
        return False


def shipped_bundles() -> list[str]:
    """The names of the bundles that come with this package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{MANIFEST}"))


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
