"""The extras of this package: what each asks for, what of it is missing here, and the line that installs that.

The package is on no index and its checkout may be gone. So the line names what an extra asks for, not the extra.
"""

import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from tsn.runtime.errors import UnavailableError

PACKAGE = "temporalstylenet"
EXTRAS = ("train", "export", "bench", "cuda", "tensorrt", "rtx", "nvdec")  # those that a user chooses among


def missing(extra: str) -> list[Requirement]:
    """Return what `extra` asks for on this kind of machine and is not installed, or not in a version that serves."""
    return [requirement for requirement in asked_for(extra) if not _is_met(requirement)]


def asked_for(extra: str) -> list[Requirement]:
    """Return what `extra` asks for on this kind of machine, beside the base package."""
    found = [Requirement(line) for line in requires(PACKAGE) or []]
    return [each for each in found if each.marker and each.marker.evaluate({"extra": extra})]


def install_line(extra: str) -> str:
    """Return the command that installs what is missing of `extra`; all of it where nothing seems to be."""
    wanted = missing(extra) or asked_for(extra)
    return f"{pip()} install " + " ".join(f'"{each.name}{each.specifier}"' for each in wanted)


def not_installed(error: ModuleNotFoundError, *, extra: str) -> UnavailableError:
    """Return what a command says where a module of its `extra` is missing. Raises `error` where that is a bug."""
    module = (error.name or "tsn").partition(".")[0]
    if module == "tsn":
        raise error
    return UnavailableError(f"{module} is not installed", cure=f"Run: {install_line(extra)}")


def pip() -> str:
    """Return how to call the pip of this very Python: the one that the shell finds may install for another."""
    found = shutil.which("pip")
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        return "pip"
    return f'"{sys.executable}" -m pip' if " " in sys.executable else f"{sys.executable} -m pip"


def _is_met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False
