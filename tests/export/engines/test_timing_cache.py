"""Timings are kept for the library, the version and the GPU that they were measured with, by builds that take turns."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("onnx")

from tsn.export.engines.tensorrt import merged
from tsn.export.engines.timing_cache import cache_path, extend_cache, read_cache
from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt_library import TrtLibrary
from tsn.runtime.errors import OutputError

GPU = Gpu(name="NVIDIA GeForce RTX 4090", compute_capability="8.9", memory=1)


def library(version: str) -> TrtLibrary:
    return TrtLibrary(name="tensorrt", module=SimpleNamespace(__version__=version), logger=None)


def test_what_is_kept_is_read_by_the_same_library_and_gpu_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path / "cache"))
    extend_cache(lambda others: others + b"timings", None, library("11.4.0"), GPU)
    assert read_cache(None, library("11.4.0"), GPU) == b"timings"
    assert read_cache(None, library("11.5.0"), GPU) == b""
    other = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
    assert read_cache(None, library("11.4.0"), other) == b""
    path = cache_path(None, library("11.4.0"), GPU)
    assert path.name == "tensorrt-11.4.0-NVIDIA-GeForce-RTX-4090-8.9.cache"
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


def test_a_named_file_must_be_writable_and_the_users_cache_is_only_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError):
        extend_cache(lambda others: others + b"timings", tmp_path / "missing" / "timings.cache", library("11.4.0"), GPU)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TSN_CACHE", str(tmp_path / "file"))
    extend_cache(lambda others: others + b"timings", None, library("11.4.0"), GPU)
    assert read_cache(None, library("11.4.0"), GPU) == b""


BUILD = """
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from tsn.export.engines.timing_cache import extend_cache
from tsn.runtime.backends.driver import Gpu
from tsn.runtime.backends.trt_library import TrtLibrary

path, name = Path(sys.argv[1]), sys.argv[2]
library = TrtLibrary(name="tensorrt", module=SimpleNamespace(__version__="11.4.0"), logger=None)

def extended(others):
    time.sleep(0.002)  # long enough for the other process to come between, if it could
    return others + f"{name} {number}\\n".encode()

Path(f"{path}.{name}").touch()
while len(list(path.parent.glob("*.one")) + list(path.parent.glob("*.two"))) < 2:  # both are ready
    time.sleep(0.001)
for number in range(40):
    extend_cache(extended, path, library, Gpu(name="L4", compute_capability="8.9", memory=1))
"""


def test_two_builds_at_once_lose_and_damage_nothing(tmp_path: Path) -> None:
    path = tmp_path / "timings.cache"
    builds = [subprocess.Popen([sys.executable, "-c", BUILD, str(path), name]) for name in ("one", "two")]
    assert [build.wait(timeout=60) for build in builds] == [0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(f"{name} {number}" for name in ("one", "two") for number in range(40))
    assert [line for line in lines if line.startswith("one")] == [f"one {number}" for number in range(40)]


HOLDER = """
import sys
from filelock import FileLock
lock = FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_the_lock_of_a_build_that_died_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "timings.cache"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, f"{path}.lock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == b"held\n"
    waiting = subprocess.Popen([sys.executable, "-c", BUILD.replace("range(40)", "range(1)"), str(path), "one"])
    Path(f"{path}.two").touch()
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(timeout=1.5)
    assert not path.exists()
    holder.kill()  # its file of a lock stays
    holder.communicate()
    assert waiting.wait(timeout=60) == 0
    assert path.read_text() == "one 0\n"


class Timings(set[bytes]):
    """Stands for TensorRT's cache: lines, of which it takes those of its own version."""

    def combine(self, others: "Timings", *, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        self |= others
        return True

    def serialize(self) -> bytes:
        return b"\n".join(sorted(self))


def test_what_another_build_measured_since_this_one_began_is_kept_too() -> None:
    mine = Timings({b"a", b"b"})
    config = SimpleNamespace(
        get_timing_cache=lambda: mine, create_timing_cache=lambda content: Timings(content.split(b"\n"))
    )
    assert merged(config, b"b\nc") == b"a\nb\nc"
    assert merged(SimpleNamespace(get_timing_cache=lambda: Timings({b"a"})), b"") == b"a"
