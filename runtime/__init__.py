"""tsn.runtime: stylizes videos and pictures with an exported bundle. Never imports torch.

from tsn.runtime import VideoStyleTransfer
VideoStyleTransfer("lite").process_video("in.mp4", "starry_night.jpg", "out.mp4")
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsn.runtime.report import Report
    from tsn.runtime.settings import Settings
    from tsn.runtime.transfer import VideoStyleTransfer

# ONNX Runtime would otherwise keep a number for this device and look up a server of its own. Before its first import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Report", "Settings", "VideoStyleTransfer"]

_PLACES = {
    "Report": "tsn.runtime.report",
    "Settings": "tsn.runtime.settings",
    "VideoStyleTransfer": "tsn.runtime.transfer",
}


def __getattr__(name: str) -> object:
    # Importing the package is instant; numpy, PyAV and pydantic load when the first of these names is used.
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)
