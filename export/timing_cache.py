"""TensorRT's timings of kernels, kept for the next build: they fit one version of the library and one kind of GPU."""

import re
from pathlib import Path

from tsn.runtime.atomic import whole_file
from tsn.runtime.cache import cache_folder
from tsn.runtime.driver import Gpu
from tsn.runtime.errors import OutputError
from tsn.runtime.trt_library import TrtLibrary


def read_cache(given: Path | None, library: TrtLibrary, gpu: Gpu) -> bytes:
    """The timings in `given`, or in the user's cache folder; empty where there are none yet."""
    path = cache_path(given, library, gpu)
    return path.read_bytes() if path.is_file() else b""


def write_cache(timings: bytes, given: Path | None, library: TrtLibrary, gpu: Gpu) -> None:
    """Keep `timings`, whole. Of two builds that end at once the later one's stay: some are then measured again.

    Raises OutputError where `given` cannot be written; the user's cache folder is only tried.
    """
    path = cache_path(given, library, gpu)
    try:
        if given is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, overwrite=True) as temporary:
            temporary.write_bytes(timings)
    except (OSError, OutputError):
        if given is not None:
            raise


def cache_path(given: Path | None, library: TrtLibrary, gpu: Gpu) -> Path:
    """`given`, or a file named for the library, its version and the GPU."""
    if given is not None:
        return given
    name = f"{library.name}-{library.version}-{gpu.name}-{gpu.compute_capability}"
    return cache_folder() / "timings" / (re.sub(r"[^A-Za-z0-9.]+", "-", name) + ".cache")
