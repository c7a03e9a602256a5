"""What this machine can run, and for what it cannot the line that cures it."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

import av

from tsn.runtime.backends import BACKENDS, open_backend
from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.backends.trt_library import open_library
from tsn.runtime.errors import TsnError, UnavailableError
from tsn.runtime.files import cache_folder
from tsn.runtime.video.encoders import CODECS, NVENC_H264, try_nvenc
from tsn.runtime.video.nvdec import decoder as nvdec

DEFAULT_ENCODER = "libx264"  # without it an MP4 needs a --codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    needed: bool  # for what was asked for
    detail: str  # what is here, or what is missing and the line that cures it


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All that was looked at."""

    backend: str  # what was asked for
    checks: Sequence[Check]

    @property
    def ok(self) -> bool:
        """Whether what was asked for can run."""
        return all(check.ok for check in self.checks if check.needed)

    def document(self) -> dict[str, object]:
        """The diagnosis as `tsn-doctor --json` prints it."""
        return {
            "version": version("temporalstylenet"),
            "python": platform.python_version(),
            "system": platform.platform(),
            "for": self.backend,
            "ok": self.ok,
            "checks": [
                {"name": check.name, "ok": check.ok, "needed": check.needed, "detail": check.detail}
                for check in self.checks
            ],
        }


def diagnose(backend: str = "cpu") -> Diagnosis:
    """Look at everything that a run may use; needed is what `backend` needs. Raises UnavailableError for no backend."""
    if backend not in BACKENDS:
        raise UnavailableError(f"there is no backend '{backend}'. Choose one of: {', '.join(BACKENDS)}")
    gpu = backend != "cpu"
    checks = [_check("driver", _driver, needed=gpu)]
    checks += [
        _check(name, lambda name=name: open_backend(name).description, needed=name == backend) for name in BACKENDS
    ]
    checks += [
        _check("library tensorrt", lambda: open_library("tensorrt").title, needed=backend == "tensorrt"),
        _check("library tensorrt-rtx", lambda: open_library("tensorrt-rtx").title, needed=backend == "tensorrt-rtx"),
        _check("pycuda", _pycuda, needed=backend.startswith("tensorrt")),
    ]
    for codec, how in CODECS.items():
        encoder = how.encoder
        checks.append(
            _check(f"encoder {codec}", lambda encoder=encoder: _encoder(encoder), needed=encoder == DEFAULT_ENCODER)
        )
    checks += [
        _check("encoder nvenc", _nvenc, needed=False),
        _check("decoder nvdec", _nvdec, needed=False),
        _check("cache folder", _cache, needed=False),
    ]
    return Diagnosis(backend=backend, checks=checks)


def _check(name: str, look: Callable[[], str], *, needed: bool) -> Check:
    try:
        return Check(name=name, ok=True, needed=needed, detail=look())
    except TsnError as error:
        return Check(name=name, ok=False, needed=needed, detail=error.line)


def _driver() -> str:
    driver = probe_driver()
    gpus = ", ".join(f"{gpu} with {gpu.memory / 2**30:.0f} GiB" for gpu in driver.gpus)
    return f"CUDA {driver.cuda}; {gpus}"


def _pycuda() -> str:
    try:
        import_module("pycuda.driver")
    except ModuleNotFoundError as error:
        raise UnavailableError("pycuda is not installed. Run: pip install pycuda") from error
    except ImportError as error:
        raise UnavailableError(f"pycuda does not load: {error}. It needs the NVIDIA driver") from error
    return f"pycuda {version('pycuda')}"


def _encoder(name: str) -> str:
    if name not in av.codecs_available:
        raise UnavailableError(f"PyAV was built without {name}. Run: pip install --force-reinstall --only-binary av av")
    return f"{name}, PyAV {av.__version__}"


def _nvdec() -> str:
    library = nvdec.open_library()
    kinds = nvdec.decodable(library)
    if not kinds:
        raise UnavailableError("NVDEC of this GPU decodes none of the codecs that are used; the CPU decodes instead")
    return f"PyNvVideoCodec {library.__version__}: {', '.join(kinds)}"


def _nvenc() -> str:
    try_nvenc()
    return NVENC_H264


def _cache() -> str:
    folder = cache_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UnavailableError(
            f"{folder} cannot be written: engines are built without the timings of the last time. "
            "Set TSN_CACHE to another folder"
        )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{folder}, {size / 1e6:.1f} MB"
