"""The GPU's memory and stream, on a stand-in for pycuda."""

from threading import Thread
from typing import Any

import numpy as np
import pytest

from tests.runtime.backends.stand_in_cuda import Error, install
from tsn.runtime.errors import DeviceError, UnavailableError


def test_what_is_uploaded_comes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    array = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    tensor = device.upload(array)
    array[...] = 0
    np.testing.assert_array_equal(tensor.numpy().ravel(), np.arange(24))
    assert gpu.depth == 0


def test_memory_goes_back_only_while_the_context_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    for number in range(3):
        tensor = device.upload(np.full(4, number, np.uint8))
        other = Thread(target=tensor.numpy)
        other.start()
        other.join()
        del tensor, other
    assert gpu.freed_outside == 0


def test_a_gpu_that_fails_is_an_error_with_the_drivers_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    tensor = device.upload(np.zeros(3, np.uint8))
    gpu.failure = Error("cuStreamSynchronize failed: an illegal memory access was encountered")
    with pytest.raises(DeviceError, match=r"the GPU failed: .*illegal memory access.*nvidia-smi"):
        tensor.numpy()
    assert gpu.depth == 0  # each context that was pushed is popped


def test_too_little_memory_says_how_much_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    with pytest.raises(UnavailableError, match=r"0\.5 of 1\.0 GiB are free") as failed, device.current():
        device.allocate(device.networks, (2**31,), np.dtype(np.uint8))
    assert not isinstance(failed.value, DeviceError)
    assert "--size" in failed.value.cure
    assert gpu.depth == 0


def test_memory_that_another_streams_pool_keeps_unused_is_no_lack_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    gpu.memory = 1000
    tensor: Any = device.upload(np.zeros(700, np.uint8))
    with device.current():
        device.networks.finish(reads=[tensor], writes=[])  # holds it until the work before has run
    kept = device.upload(np.full(100, 7, np.uint8))
    del tensor
    with device.current():
        device.allocate(device.networks, (600,), np.dtype(np.uint8))
        with pytest.raises(MemoryError):
            device.allocate(device.networks, (2000,), np.dtype(np.uint8))
    assert set(kept.numpy()) == {7}


def test_a_mistake_of_ours_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    device, gpu = install(monkeypatch)
    with pytest.raises(ZeroDivisionError), device.current():
        _ = 1 // 0
    assert gpu.depth == 0


@pytest.mark.parametrize("seed", range(5))
def test_what_nvdec_decoded_is_taken_over_before_it_is_written_over(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    device, gpu = install(monkeypatch, seed=seed)
    surface = np.zeros((2, 4, 2, 6, 2, 1), np.uint8)
    kept = []
    for number in range(4):
        gpu.queue(lambda number=number: surface.fill(number), device.stream)  # NVDEC works on the stream it was given
        kept.append(device.taken(surface.ctypes.data, surface.shape))
        gpu.queue(lambda: surface.fill(77), device.stream)
    assert [set(tensor.numpy().ravel()) for tensor in kept] == [{0}, {1}, {2}, {3}]
    assert (device.context, device.stream) == (99, device.decoding.handle)
