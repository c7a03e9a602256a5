"""The machine that is measured on: processor, memory, GPU, versions of libraries."""

import csv
import ctypes
import io
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from pathlib import Path

from tsn.benchmarks.throughput.results import Environment, Gpu

LIBRARIES = (
    "av", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "tensorrt", "tensorrt-rtx",
    "torch", "torch-tensorrt", "torchvision",
)  # fmt: skip
GPU_FIELDS = "name,driver_version,memory.total,clocks.sm,clocks.mem"


def environment() -> Environment:
    """What this machine is, before anything is measured on it."""
    return Environment(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mb=_memory_mb(),
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        gpu=gpu(),
        versions={"python": platform.python_version(), **_versions()},
    )


def gpu() -> Gpu | None:
    """The first GPU with its clocks, or None where nvidia-smi finds none."""
    rows = _nvidia_smi(f"--query-gpu={GPU_FIELDS}")
    return parse_gpu(rows[0]) if rows else None


def parse_gpu(row: Sequence[str]) -> Gpu:
    """The GPU in a row of nvidia-smi's answer to GPU_FIELDS."""
    name, driver, memory, sm_clock, memory_clock = row
    return Gpu(
        name=name,
        driver=driver,
        memory_mb=float(memory),
        sm_clock_mhz=float(sm_clock),
        memory_clock_mhz=float(memory_clock),
    )


def gpu_memory_mb(process: int) -> float | None:
    """What a process holds on its GPUs, by nvidia-smi; None where that does not list it."""
    rows = _nvidia_smi("--query-compute-apps=pid,used_memory")
    held = [float(memory) for pid, memory in rows if pid == str(process) and memory.replace(".", "", 1).isdecimal()]
    return sum(held) if held else None


@cache
def has_nvidia_driver() -> bool:
    """Whether the driver's library can be loaded: without it no library for the GPU needs to be tried."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def peak_host_mb() -> float | None:
    """The most memory that this process has held at a time; None where the system does not tell.

    On Linux VmHWM, not getrusage: the latter begins with the size of the process that started this one.
    """
    if (held := _status_mb("VmHWM")) is not None:
        return held
    if sys.platform == "darwin":
        import resource  # there is none on Windows

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return None


def held_host_mb() -> float | None:
    """The memory that this process holds now; None where the system does not tell."""
    return _status_mb("VmRSS")


def _status_mb(field: str) -> float | None:
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    kilobytes = next(line.split()[1] for line in status.read_text().splitlines() if line.startswith(field))
    return int(kilobytes) / 1024


def _nvidia_smi(query: str) -> list[list[str]]:
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    return [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(answer.stdout)) if row]


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_mb() -> float | None:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return None
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20)


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found
