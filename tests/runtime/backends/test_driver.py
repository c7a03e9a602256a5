"""The driver is asked before any library that would crash without it."""

import ctypes
from typing import Any

import pytest

from tsn.runtime.backends import driver
from tsn.runtime.errors import UnavailableError


class FakeDriver:
    """libcuda.so.1 with the given GPUs: name, major, minor, bytes."""

    def __init__(self, *gpus: tuple[bytes, int, int, int], code: int = 0) -> None:
        self.gpus, self.code = gpus, code

    def cuInit(self, flags: int) -> int:
        return self.code

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = 12080
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(self.gpus)
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        device._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        name.value = self.gpus[device.value][0]
        return 0

    def cuDeviceTotalMem_v2(self, memory: Any, device: Any) -> int:
        memory._obj.value = self.gpus[device.value][3]
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:
        value._obj.value = self.gpus[device.value][{75: 1, 76: 2}[attribute]]
        return 0

    def cuGetErrorString(self, code: int, text: Any) -> int:
        text._obj.value = b"system not yet initialized" if code == 802 else None
        return 0


def probe(monkeypatch: pytest.MonkeyPatch, library: FakeDriver) -> driver.Driver:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    return driver.probe_driver()


def test_every_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    found = probe(monkeypatch, FakeDriver((b"NVIDIA H200", 9, 0, 150 << 30), (b"NVIDIA RTX 5090", 12, 0, 32 << 30)))
    assert found.cuda == "12.8"
    assert [str(gpu) for gpu in found.gpus] == ["NVIDIA H200 (sm_90)", "NVIDIA RTX 5090 (sm_120)"]
    assert found.gpus[0].memory == 150 << 30


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_the_line_says_what_to_install() -> None:
    with pytest.raises(UnavailableError, match="no NVIDIA driver") as missing:
        driver.probe_driver()
    assert missing.value.cure.startswith("Install the driver")
    assert "--gpus all" in missing.value.cure


@pytest.mark.parametrize(
    ("library", "says"),
    [
        (FakeDriver(code=100), "shows no GPU"),
        (FakeDriver(), "shows no GPU"),
        (FakeDriver(code=802), "system not yet initialized"),
        (FakeDriver(code=999), "error 999"),
    ],
)
def test_a_driver_without_a_gpu_or_out_of_order_says_so(
    monkeypatch: pytest.MonkeyPatch, library: FakeDriver, says: str
) -> None:
    with pytest.raises(UnavailableError, match=says):
        probe(monkeypatch, library)
