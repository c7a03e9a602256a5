"""TensorRT's timings of kernels, kept for the next build: they fit one version of the library and one kind of GPU."""

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt_library import TrtLibrary
from tsn.runtime.errors import OutputError
from tsn.runtime.files import as_output_error, cache_folder, refuse_unwritable, whole_file


def read_cache(given: Path | None, library: TrtLibrary, gpu: Gpu) -> bytes:
    """The timings in `given`, or in the user's cache folder; empty where there are none yet."""
    path = cache_path(given, library, gpu)
    return path.read_bytes() if path.is_file() else b""


def extend_cache(extended: Callable[[bytes], bytes], given: Path | None, library: TrtLibrary, gpu: Gpu) -> None:
    """Keep what `extended` makes of the timings that are there by now: another build may have added its own.

    Builds that end at once take turns, so none loses what another measured. Raises OutputError where `given` cannot be
    written; the user's cache folder is only tried.
    """
    path = cache_path(given, library, gpu)
    try:
        if given is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        with _turn(path), whole_file(path, overwrite=True) as temporary:
            temporary.write_bytes(extended(read_cache(path, library, gpu)))
    except (OSError, OutputError):
        if given is not None:
            raise


def cache_path(given: Path | None, library: TrtLibrary, gpu: Gpu) -> Path:
    """`given`, or a file named for the library, its version and the GPU."""
    if given is not None:
        return given
    name = f"{library.name}-{library.version}-{gpu.name}-{gpu.compute_capability}"
    return cache_folder() / "timings" / (re.sub(r"[^A-Za-z0-9.]+", "-", name) + ".cache")


@contextmanager
def _turn(path: Path) -> Generator[None]:
    """Wait for the builds that are writing `path`. The lock is the system's: it ends with the process that holds it."""
    refuse_unwritable(path, overwrite=True)  # FileLock would make the folder
    lock = FileLock(path.with_name(path.name + ".lock"))  # beside `path`, which is replaced, and its lock with it
    with as_output_error(path):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
