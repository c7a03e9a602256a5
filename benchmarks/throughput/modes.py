"""With and without the temporal path: what a mode asks of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tsn.runtime.bundle import Manifest, NetworkName
from tsn.runtime.job import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """A way to run a bundle."""

    name: str
    settings: Mapping[str, bool]  # of tsn.runtime.job.Settings
    networks: tuple[NetworkName, ...]  # that the bundle must hold
    per_frame: tuple[NetworkName, ...] | None  # that the networks-only scope calls; None: it cannot call them alone


MODES: Mapping[str, Mode] = {
    mode.name: mode
    for mode in (
        Mode(name="frame-wise", settings={"temporal": False}, networks=("stylize",), per_frame=("stylize",)),
        Mode(name="temporal", settings={"temporal": True}, networks=("stylize", "blend"), per_frame=None),
    )
}


def settings_of(mode: Mode) -> dict[str, Any]:
    """The mode's settings, as far as this version of the runtime has them; what it lacks it cannot do either."""
    known = {field.name for field in fields(Settings)}
    return {name: value for name, value in mode.settings.items() if name in known}


def absence(mode: Mode, manifest: Manifest) -> str | None:
    """Why a bundle cannot run in a mode; None where it can."""
    if any(mode.settings.values()) and not settings_of(mode):
        return "this version of the runtime has no temporal path"
    missing = [name for name in mode.networks if name not in manifest.networks]
    return f"the bundle has no network '{missing[0]}'" if missing else None
