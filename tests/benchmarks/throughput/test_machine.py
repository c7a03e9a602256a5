"""The machine: what nvidia-smi says, memory of a process, measured limits."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tsn.benchmarks.throughput import machine
from tsn.benchmarks.throughput.machine import measure_limit
from tsn.benchmarks.throughput.results import GpuInfo


def answer(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(machine.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=text))


def test_the_first_gpu_is_read_with_its_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "NVIDIA H200, 570.86.15, 143771, 1980, 3201\nNVIDIA H200, 570.86.15, 143771, 345, 3201\n")
    expected = GpuInfo(
        name="NVIDIA H200", driver="570.86.15", memory_mb=143771, sm_clock_mhz=1980, memory_clock_mhz=3201
    )
    assert machine.gpu() == expected


def test_the_memory_of_a_process_is_told_from_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, "17, 512\n18, 1024\n17, 256\n19, [N/A]\n")
    assert machine.gpu_memory_mb(17) == 768
    assert machine.gpu_memory_mb(19) is None
    assert machine.gpu_memory_mb(20) is None


def test_without_nvidia_smi_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(machine.subprocess, "run", missing)
    assert machine.gpu() is None
    assert machine.environment().gpu is None


def test_the_peak_of_a_process_is_its_own_and_not_that_of_its_parent() -> None:
    ballast = np.ones(200 << 20, np.uint8)
    code = "from tsn.benchmarks.throughput.machine import peak_host_mb; print(peak_host_mb())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    own = machine.peak_host_mb()
    assert own > 200
    assert float(child.stdout) < own - 100
    assert ballast[-1] == 1


def test_what_a_process_holds_grows_with_what_it_takes() -> None:
    before = machine.held_host_mb()
    ballast = np.ones(100 << 20, np.uint8)
    assert before + 90 < machine.held_host_mb() <= machine.peak_host_mb() + 1
    assert ballast[-1] == 1


def test_the_limit_of_the_processor_is_measured() -> None:
    matmul, copy = measure_limit("cpu", "fp32", threads=1)
    assert matmul is not None
    assert copy is not None
    assert 1e8 < matmul < 1e14
    assert 1e7 < copy < 1e13
