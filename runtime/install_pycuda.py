"""Builds pycuda, which has no wheel, with nothing but pip and a C++ compiler: CUDA's toolkit is not needed.

python -m tsn.runtime.install_pycuda

The headers come from NVIDIA's packages and go into a temporary folder, for pycuda needs them for its build alone. It is
linked against an empty library of the driver's name, so that it builds where no driver is, as in a container's image.
cuRAND is left out: no backend uses it, and its library would have to be found at each start.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click

from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.command.run import run_command
from tsn.runtime.errors import UnavailableError

PYCUDA = "pycuda>=2025.1"
USUAL = "13.0"  # CUDA, where there is no driver to ask: every driver of 13 serves it
OLDEST = 12  # CUDA whose headers are packages
_DRIVER = "libcuda.so.1"


@click.command(name="install_pycuda")
@click.option(
    "--cuda", metavar="VERSION", help=f"CUDA that the driver serves, as 12.8.  [asked of the driver; {USUAL}]"
)
def command(*, cuda: str | None) -> None:
    """Build pycuda for this Python: 2 to 4 minutes. It needs a C++ compiler and Python's headers."""
    if cuda is None and import_failure() is None:
        print(f"pycuda {version('pycuda')} is here and loads: nothing to do")
        return
    served = driver_cuda()
    cuda = cuda or served or USUAL
    headers = header_packages(cuda)
    refuse_incapable()
    print(f"building pycuda for CUDA {cuda}: 2 to 4 minutes", flush=True)
    build(headers)
    reason = import_failure()
    if reason is None:
        print(f"pycuda {version('pycuda')} is built and loads")
    elif served is None and _DRIVER in reason:
        print(f"pycuda {version('pycuda')} is built; it loads once a driver for CUDA {cuda} or newer is here")
    else:
        raise UnavailableError(
            f"pycuda is built but does not load: {reason}. Update the NVIDIA driver, or build for the CUDA that it "
            "serves (nvidia-smi shows it) with --cuda"
        )


def driver_cuda() -> str | None:
    """Return the CUDA version that the driver here serves, as "12.8"; None where there is no driver."""
    try:
        return probe_driver().cuda
    except UnavailableError:
        return None


def header_packages(cuda: str) -> list[str]:
    """Return the packages with CUDA's headers, no newer than `cuda`: a driver lacks what came after it.

    Raises UnavailableError where there are none.
    """
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?", cuda)
    if found is None or int(found[1]) < OLDEST:
        raise UnavailableError(
            f"there are no packages of headers for CUDA {cuda}, only for {OLDEST} and newer. Update the NVIDIA driver"
        )
    suffix = "-cu12" if found[1] == "12" else ""  # later ones have no suffix
    limit = f"{found[1]}.{int(found[2]) + 1}" if found[2] else str(int(found[1]) + 1)
    return [f"{name}{suffix}>={found[1]},<{limit}" for name in ("nvidia-cuda-runtime", "nvidia-cuda-profiler-api")]


def refuse_incapable() -> None:
    """Raise UnavailableError, with its cure, where pycuda could not be built here."""
    if sys.platform == "darwin":
        raise UnavailableError("there is no CUDA for macOS, so no pycuda. Use --backend cpu")
    if find_spec("pip") is None:
        raise UnavailableError(f"this Python has no pip to build with. Run: {sys.executable} -m ensurepip")
    if not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        raise UnavailableError("Python's headers are missing. On Debian and Ubuntu run: sudo apt install python3-dev")
    if sys.platform != "win32" and shutil.which(_compiler()[0]) is None:  # on Windows setuptools looks for its compiler
        raise UnavailableError(
            f"there is no C++ compiler: {_compiler()[0]} is not found. On Debian and Ubuntu run: sudo apt install g++"
        )


def build(headers: Sequence[str]) -> None:
    """Install pycuda, built with these packages of headers. Raises UnavailableError with the first error line."""
    with tempfile.TemporaryDirectory(prefix="tsn-pycuda-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        pip("install", "--no-deps", "--target", name, *headers)
        includes = [str(place) for place in folder.glob("nvidia/*/include")]
        libraries = [str(place) for place in folder.glob("nvidia/*/lib/x64")]  # of Windows, with cuda.lib
        if sys.platform != "win32":
            stub = [*_compiler(), "-shared", f"-Wl,-soname,{_DRIVER}", "-x", "c", os.devnull]
            _run([*stub, "-o", str(folder / "libcuda.so")])
            libraries = [name]
        chosen = [f"CUDA_INC_DIR={includes}", f"CUDADRV_LIB_DIR={libraries}", "CUDA_ENABLE_CURAND=False"]
        options = shlex.join(f"--conf:{choice}" for choice in chosen)
        # Without the flag, a linker that is told to link as needed forgets the driver: no symbol of it is in the stub.
        pip(
            *("install", "--no-deps", "--force-reinstall", "--no-cache-dir", "--no-binary", "pycuda"),
            *("--config-settings", f"--global-option={options}", PYCUDA),
            LDFLAGS=f"-Wl,--no-as-needed {os.environ.get('LDFLAGS', '')}",
        )
    pip("install", PYCUDA)  # what it depends on


def pip(*words: str, **environment: str) -> None:
    """Run pip for this Python. Raises UnavailableError with its first error line."""
    _run([sys.executable, "-m", "pip", "--disable-pip-version-check", *words], **environment)


def import_failure() -> str | None:
    """Return why pycuda does not load in a new process; None where it does."""
    command = [sys.executable, "-c", "import pycuda.driver, pycuda.tools"]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return None if ended.returncode == 0 else (ended.stderr.strip().splitlines() or ["it gives no reason"])[-1]


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "c++")


def _run(command: Sequence[str], **environment: str) -> None:
    shown = os.environ.get("TSN_DEBUG") == "1"
    ended = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=None if shown else subprocess.PIPE,
        stderr=None if shown else subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if ended.returncode != 0:
        lines = [line.strip() for line in (ended.stdout or "").splitlines()]
        reasons = [line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)] or lines or ["see above"]
        raise UnavailableError(f"pycuda could not be built: {reasons[0]}. TSN_DEBUG=1 shows all that pip says")


if __name__ == "__main__":
    run_command(command)
