"""The machine that is measured on: its processor, memory, GPU and libraries, and the limits of its devices."""

import csv
import importlib.util
import io
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil

from tsn.benchmarks.throughput.results import Environment, GpuInfo
from tsn.benchmarks.throughput.rows import Device, Precision
from tsn.runtime.backends.driver import load_driver
from tsn.runtime.errors import UnavailableError
from tsn.runtime.threads import usable_cores

LIBRARIES = (
    "av", "numpy", "onnx", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "tensorrt", "tensorrt-rtx",
    "torch", "torch-tensorrt", "torchvision",
)  # fmt: skip
GPU_FIELDS = "name,driver_version,memory.total,clocks.sm,clocks.mem"
TRIES = 5  # of a matrix product and of a copy; the best counts: a peak is what the device can do undisturbed
CPU_SIDE, CUDA_SIDE = 1536, 8192  # of the square matrices
CPU_COPY, CUDA_COPY = 64 << 20, 1 << 30  # bytes: past the caches


def environment() -> Environment:
    """Describe this machine, before anything is measured on it."""
    return Environment(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=usable_cores(),
        memory_mb=round(psutil.virtual_memory().total / 2**20),
        load_average=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        gpu=gpu(),
        versions={"python": platform.python_version(), **_versions()},
    )


def gpu() -> GpuInfo | None:
    """Return the first GPU with its clocks, or None where nvidia-smi finds none."""
    rows = _nvidia_smi(f"--query-gpu={GPU_FIELDS}")
    return parse_gpu(rows[0]) if rows else None


def parse_gpu(row: Sequence[str]) -> GpuInfo:
    """Read a row of nvidia-smi's answer to GPU_FIELDS."""
    name, driver, memory, sm_clock, memory_clock = row
    return GpuInfo(
        name=name,
        driver=driver,
        memory_mb=float(memory),
        sm_clock_mhz=float(sm_clock),
        memory_clock_mhz=float(memory_clock),
    )


def gpu_memory_mb(process: int) -> float | None:
    """Return what a process holds on its GPUs, by nvidia-smi; None where that does not list it."""
    rows = _nvidia_smi("--query-compute-apps=pid,used_memory")
    held = [float(memory) for pid, memory in rows if pid == str(process) and memory.replace(".", "", 1).isdecimal()]
    return sum(held) if held else None


@cache
def has_nvidia_driver() -> bool:
    """Return whether the driver's library can be loaded: without it no library for the GPU needs to be tried."""
    try:
        load_driver()
    except UnavailableError:
        return False
    return True


def peak_host_mb() -> float:
    """Return the most memory that this process has held at a time.

    On Linux VmHWM, not getrusage: the latter begins with the size of the process that started this one.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 2**20
    import resource  # there is none on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS counts in bytes


def held_host_mb() -> float:
    """Return the memory that this process holds now."""
    return psutil.Process().memory_info().rss / 2**20


def measure_limit(device: Device, precision: Precision, *, threads: int | None) -> tuple[float | None, float | None]:
    """Return floating-point operations a second in a matrix product, and bytes a second read and written in a copy.

    On a CPU in FP32 by NumPy, otherwise by PyTorch; None where that is not installed. A multiply-add is two operations.
    """
    if device == "cpu" and precision == "fp32":
        return _numpy_matmul(), _numpy_copy(threads or usable_cores())
    if importlib.util.find_spec("torch") is None:
        return None, None
    return _torch_limit(device, precision, threads=threads)


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


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _numpy_matmul() -> float:
    one, other = (np.random.default_rng(seed).random((CPU_SIDE, CPU_SIDE), np.float32) for seed in (0, 1))
    product = np.empty_like(one)
    return 2 * CPU_SIDE**3 / _best(lambda: np.matmul(one, other, out=product))


def _numpy_copy(threads: int) -> float:
    source, target = np.ones(CPU_COPY, np.uint8), np.zeros(CPU_COPY, np.uint8)
    parts = list(zip(np.array_split(target, threads), np.array_split(source, threads), strict=True))
    with ThreadPoolExecutor(threads) as pool:
        return 2 * CPU_COPY / _best(lambda: list(pool.map(lambda part: np.copyto(*part), parts)))


def _torch_limit(device: Device, precision: Precision, *, threads: int | None) -> tuple[float | None, float | None]:
    import torch  # here: rows without PyTorch measure their limit too

    if device == "cuda" and not torch.cuda.is_available():
        return None, None
    if threads is not None:
        torch.set_num_threads(threads)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    side, length = (CPU_SIDE, CPU_COPY) if device == "cpu" else (CUDA_SIDE, CUDA_COPY)
    one, other = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    source = torch.ones(length, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def finished(call: Callable[[], object]) -> None:
        call()
        if device == "cuda":
            torch.cuda.synchronize()

    matmul = 2 * side**3 / _best(lambda: finished(lambda: torch.matmul(one, other)))
    return matmul, 2 * length / _best(lambda: finished(lambda: target.copy_(source)))


def _best(call: Callable[[], object]) -> float:
    call()  # threads start, memory is mapped
    times: list[float] = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return min(times)
