"""What this machine can run, and for what it cannot the line that cures it."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version

import av
import cv2
import numpy as np
import onnxruntime as ort

from tsn.runtime.backends import BACKENDS, open_backend, ort_cuda, trt_library
from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.backends.trt_library import INSTALL_PYCUDA, open_library
from tsn.runtime.bundle.manifest import Library
from tsn.runtime.errors import TsnError, UnavailableError
from tsn.runtime.extras import EXTRAS, asked_for, install_line, missing, pip
from tsn.runtime.files import cache_folder
from tsn.runtime.speed import Speed, measure_speed
from tsn.runtime.video.encoders import CODECS, NVENC_H264, try_nvenc
from tsn.runtime.video.nvdec import decoder as nvdec

DEFAULT_ENCODER = "libx264"  # without it an MP4 needs a --codec
LIBRARIES: tuple[Library, ...] = ("tensorrt", "tensorrt-rtx")
ABOVE = "needs the NVIDIA driver (above)"
INSTALL: Mapping[str, str] = {  # of the extras whose packages pip alone does not put right
    "cuda": ort_cuda.INSTALL,
    "tensorrt": trt_library.INSTALL["tensorrt"],
    "rtx": trt_library.INSTALL["tensorrt-rtx"],
}


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
    speed: Speed | None  # None where the CPU cannot stylize
    versions: Mapping[str, str]
    checks: Sequence[Check]  # the first says in one line what can be done here

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
            "summary": self.checks[0].detail,
            "speed": None if self.speed is None else self.speed.document(),
            "versions": dict(self.versions),
            "checks": [
                {"name": check.name, "ok": check.ok, "needed": check.needed, "detail": check.detail}
                for check in self.checks
            ],
        }


def diagnose(backend: str = "cpu") -> Diagnosis:
    """Look at everything that a run may use; needed is what `backend` needs. Raises UnavailableError for no backend."""
    if backend not in BACKENDS:
        raise UnavailableError(f"there is no backend '{backend}'. Choose one of: {', '.join(BACKENDS)}")
    stylize, speed = _stylize(needed=backend == "cpu")
    return Diagnosis(backend=backend, speed=speed, versions=_versions(), checks=[stylize, *_checks(backend)])


def _stylize(*, needed: bool) -> tuple[Check, Speed | None]:
    try:
        speed = measure_speed()
    except TsnError as error:
        detail = f"you cannot stylize on this CPU: {error.line}"
        return Check(name="stylize", ok=False, needed=needed, detail=detail), None
    return Check(name="stylize", ok=True, needed=needed, detail=f"you can stylize here: {speed}"), speed


def _versions() -> dict[str, str]:
    return {
        "temporalstylenet": version("temporalstylenet"),
        "Python": platform.python_version(),
        "ONNX Runtime": ort.__version__,
        "OpenCV": cv2.__version__,
        "PyAV": av.__version__,
        "NumPy": np.__version__,
    }


def _checks(backend: str) -> list[Check]:
    """What `backend` and all others need, in order. What the driver lacks is told once."""
    driver = _check("driver", _driver, needed=BACKENDS[backend].driver)
    checks = [_check(name, partial(_backend, name), needed=name == backend) for name in BACKENDS]
    checks += [_check(f"library {name}", partial(_library, name), needed=name == backend) for name in LIBRARIES]
    checks.append(_check("pycuda", partial(_pycuda, driver), needed=BACKENDS[backend].pycuda))
    for codec, how in CODECS.items():
        needed = how.encoder == DEFAULT_ENCODER
        checks.append(_check(f"encoder {codec}", partial(_encoder, how.encoder), needed=needed))
    checks += [
        _check("encoder nvenc", partial(_nvenc, driver)),
        _check("decoder nvdec", _nvdec),
        _check("cache folder", _cache),
        *(_check(f"extra {extra}", partial(_extra, extra)) for extra in EXTRAS),
    ]
    return [driver, *(replace(check, detail=ABOVE) if check.detail == driver.detail else check for check in checks)]


def _check(name: str, look: Callable[[], str], *, needed: bool = False) -> Check:
    try:
        return Check(name=name, ok=True, needed=needed, detail=look())
    except TsnError as error:
        return Check(name=name, ok=False, needed=needed, detail=error.line)


def _driver() -> str:
    driver = probe_driver()
    gpus = ", ".join(f"{gpu} with {gpu.memory / 2**30:.0f} GiB" for gpu in driver.gpus)
    return f"CUDA {driver.cuda}; {gpus}"


def _backend(name: str) -> str:
    return open_backend(name).description


def _library(name: Library) -> str:
    return open_library(name).title


def _pycuda(driver: Check) -> str:
    try:
        import_module("pycuda.driver")
    except ModuleNotFoundError as error:
        raise UnavailableError(f"pycuda is not installed. Run: {INSTALL_PYCUDA}") from error
    except ImportError as error:
        raise UnavailableError(f"pycuda does not load: {error}" if driver.ok else ABOVE) from error
    return f"pycuda {version('pycuda')}"


def _encoder(name: str) -> str:
    if name not in av.codecs_available:
        raise UnavailableError(
            f"PyAV was built without {name}. Run: {pip()} install --force-reinstall --only-binary av av"
        )
    return f"{name}, PyAV {av.__version__}"


def _nvdec() -> str:
    library = nvdec.open_library()
    kinds = nvdec.decodable(library)
    if not kinds:
        raise UnavailableError("NVDEC of this GPU decodes none of the codecs that are used; the CPU decodes instead")
    return f"PyNvVideoCodec {library.__version__}: {', '.join(kinds)}"


def _nvenc(driver: Check) -> str:
    if not driver.ok:
        raise UnavailableError(ABOVE)
    try_nvenc()
    return NVENC_H264


def _extra(name: str) -> str:
    lacking = missing(name)
    if lacking:
        names = ", ".join(requirement.name for requirement in lacking)
        raise UnavailableError(f"without {names}", cure=f"Run: {INSTALL.get(name) or install_line(name)}")
    return ", ".join(f"{requirement.name} {version(requirement.name)}" for requirement in asked_for(name))


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
