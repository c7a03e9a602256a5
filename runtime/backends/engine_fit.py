"""What an engine fits: found by reading the manifest, before its library sees the plan, which is native code."""

from pathlib import Path

from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt_library import TITLES
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Engine, Library
from tsn.runtime.errors import BundleError, InputError
from tsn.runtime.geometry import Size


def engine_at(path: Path) -> tuple[Bundle, NetworkName, Engine]:
    """The bundle, the network and the manifest's entry of a plan file. Raises BundleError for one that has none."""
    if not path.is_file():
        raise BundleError(f"there is no engine {path}. Run: tsn-export --from {path.parent} --engine")
    if not (path.parent / MANIFEST).is_file():
        raise BundleError(
            f"{path} has no {MANIFEST} beside it, so nothing says what it was built for. Copy the whole bundle"
        )
    bundle = open_bundle(path)
    for name, network in bundle.manifest.networks.items():
        if network.engine is not None and network.engine.file == path.name:
            return bundle, name, network.engine
    raise BundleError(
        f"{path} is in no entry of its {MANIFEST}: it was not built by tsn-export and is not loaded. "
        f"{rebuild(path.parent)}"
    )


def refuse_foreign(engine: Engine, path: Path, *, library: Library, version: str, gpu: Gpu) -> None:
    """Raise BundleError where an engine was built for another library, version or GPU than is here."""
    if (
        engine.library == library
        and engine.version == version
        and gpu.compute_capability in engine.compute_capabilities
    ):
        return
    built = " and ".join(f"sm_{capability.replace('.', '')}" for capability in engine.compute_capabilities)
    raise BundleError(
        f"{path} was built for {built} with {TITLES[engine.library]} {engine.version}; this is {gpu} with "
        f"{TITLES[library]} {version}. {rebuild(path.parent, library)}"
    )


def refuse_size(engine: Engine, path: Path, size: Size) -> None:
    """Raise InputError, naming the sizes that it takes, where an engine does not take frames of `size`."""
    least, most = Size.parse(engine.minimum), Size.parse(engine.maximum)
    if least.width <= size.width <= most.width and least.height <= size.height <= most.height:
        return
    if least == most:
        raise InputError(
            f"{path} takes frames of {most} only, these are {size}",
            cure=f"Scale them with --size {most}, or build another engine: tsn-export --from {path.parent} --engine "
            f"--size {size}",
        )
    lower = Size(min(least.width, size.width), min(least.height, size.height))
    upper = Size(max(most.width, size.width), max(most.height, size.height))
    raise InputError(
        f"{path} takes frames from {least} to {most}, these are {size}",
        cure=f"Scale them with --size, or build another engine: tsn-export --from {path.parent} --engine "
        f"--min-size {lower} --opt-size {size} --max-size {upper}",
    )


def rebuild(folder: Path, library: Library | None = None) -> str:
    """What to type for engines that fit this machine."""
    return f"Rebuild it: tsn-export --from {folder} --engine" + (f" --library {library}" if library else "")
