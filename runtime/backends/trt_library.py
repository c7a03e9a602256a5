"""TensorRT and TensorRT-RTX: one API under two module names, versions told apart by the features they have."""

# Neither module states its types.

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from tsn.runtime.bundle.manifest import Library
from tsn.runtime.errors import UnavailableError

TITLES: Mapping[Library, str] = {"tensorrt": "TensorRT", "tensorrt-rtx": "TensorRT-RTX"}
MODULES: Mapping[Library, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
INSTALL: Mapping[Library, str] = {
    "tensorrt": "pip install 'tensorrt>=10.13' --extra-index-url https://pypi.nvidia.com",
    "tensorrt-rtx": "pip install tensorrt-rtx",
}
INSTALL_PYCUDA = "python -m tsn.runtime.install_pycuda"  # it has no wheel: that builds it with pip alone


@dataclass(frozen=True, slots=True, kw_only=True)
class TrtLibrary:
    """An imported library with the one logger that it may have."""

    name: Library
    module: Any
    logger: Any  # an ILogger
    messages: list[str] = field(default_factory=list[str])  # the errors that it logged since they were last taken

    @property
    def version(self) -> str:
        return str(self.module.__version__)

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return f"{TITLES[self.name]} {self.version}"

    def take_errors(self) -> str:
        """What the library logged as errors since the last call, as one line; empty where there was nothing."""
        lines = list(dict.fromkeys(" ".join(message.split()) for message in self.messages))
        self.messages.clear()
        return "; ".join(lines)


@cache  # the libraries take one logger for the process and ignore a second one
def open_library(name: Library) -> TrtLibrary:
    """Import a library. Raises UnavailableError, with the line that installs it, where it does not load."""
    try:
        module = import_module(MODULES[name])
    except ModuleNotFoundError as error:
        raise UnavailableError(f"{TITLES[name]} is not installed. Run: {INSTALL[name]}") from error
    except (ImportError, OSError, RuntimeError) as error:  # a shared library is missing
        raise UnavailableError(
            f"{TITLES[name]} is installed but does not load: {str(error).strip()}. "
            f"Run: {INSTALL[name]} --force-reinstall"
        ) from error
    messages: list[str] = []

    class Collector(module.ILogger):
        def __init__(self) -> None:
            module.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:  # called from the library's own threads too
            if severity in (module.ILogger.Severity.ERROR, module.ILogger.Severity.INTERNAL_ERROR):
                messages.append(message)

    return TrtLibrary(name=name, module=module, logger=Collector(), messages=messages)
