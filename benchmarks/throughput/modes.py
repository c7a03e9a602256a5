"""With and without the temporal path: what a mode asks of a run."""

from collections.abc import Mapping
from dataclasses import dataclass

from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A way to run a bundle."""

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


def absence(mode: Mode, manifest: Manifest) -> str | None:
    """Why a bundle cannot run in a mode; None where it can."""
    missing = [name for name in mode.networks if name not in manifest.networks]
    return f"the bundle has no network '{missing[0]}'" if missing else None


def called(mode: Mode, manifest: Manifest) -> tuple[NetworkName, ...]:
    """The networks that a frame takes."""
    return (*mode.networks, "features", "flow") if mode.temporal and "flow" in manifest.networks else mode.networks
