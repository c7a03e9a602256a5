"""What a device reaches on plain work: the measured peak of a matrix product and of a copy."""

import importlib.util
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tsn.benchmarks.throughput.rows import Device, Precision

TRIES = 5  # the best counts: a peak is what the device can do undisturbed
CPU_SIDE, CUDA_SIDE = 1536, 8192  # of the square matrices
CPU_COPY, CUDA_COPY = 64 << 20, 1 << 30  # bytes: past the caches


def measure_limit(device: Device, precision: Precision, *, threads: int | None) -> tuple[float | None, float | None]:
    """Floating-point operations a second in a matrix product, and bytes a second read and written in a copy.

    On a CPU in FP32 by NumPy, otherwise by PyTorch; None where that is not installed. A multiply-add is two operations.
    """
    if device == "cpu" and precision == "fp32":
        return _numpy_matmul(), _numpy_copy(threads or _cores())
    if importlib.util.find_spec("torch") is None:
        return None, None
    return _torch_limit(device, precision, threads=threads)


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

    def finished(work: Callable[[], object]) -> None:
        work()
        if device == "cuda":
            torch.cuda.synchronize()

    matmul = 2 * side**3 / _best(lambda: finished(lambda: torch.matmul(one, other)))
    return matmul, 2 * length / _best(lambda: finished(lambda: target.copy_(source)))


def _best(work: Callable[[], object]) -> float:
    work()  # threads start, memory is mapped
    times: list[float] = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
