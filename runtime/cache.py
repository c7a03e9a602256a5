"""Where what can be made again is kept between runs."""

import os
import sys
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder for this project; $TSN_CACHE comes first. It need not exist."""
    given = os.environ.get("TSN_CACHE")
    if given:
        return Path(given)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "temporalstylenet"
