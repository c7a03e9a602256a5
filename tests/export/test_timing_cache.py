"""Timings are kept for the library, the version and the GPU that they were measured with."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tsn.export.timing_cache import cache_path, read_cache, write_cache
from tsn.runtime.driver import Gpu
from tsn.runtime.errors import OutputError
from tsn.runtime.trt_library import TrtLibrary

GPU = Gpu(name="NVIDIA GeForce RTX 4090", compute_capability="8.9", memory=1)


def library(version: str) -> TrtLibrary:
    return TrtLibrary(name="tensorrt", module=SimpleNamespace(__version__=version), logger=None)


def test_what_is_kept_is_read_by_the_same_library_and_gpu_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path / "cache"))
    write_cache(b"timings", None, library("11.4.0"), GPU)
    assert read_cache(None, library("11.4.0"), GPU) == b"timings"
    assert read_cache(None, library("11.5.0"), GPU) == b""
    other = Gpu(name="NVIDIA L4", compute_capability="8.9", memory=1)
    assert read_cache(None, library("11.4.0"), other) == b""
    path = cache_path(None, library("11.4.0"), GPU)
    assert path.name == "tensorrt-11.4.0-NVIDIA-GeForce-RTX-4090-8.9.cache"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_named_file_must_be_writable_and_the_users_cache_is_only_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError):
        write_cache(b"timings", tmp_path / "missing" / "timings.cache", library("11.4.0"), GPU)
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TSN_CACHE", str(tmp_path / "file"))
    write_cache(b"timings", None, library("11.4.0"), GPU)
    assert read_cache(None, library("11.4.0"), GPU) == b""
