"""A library that is missing or does not load is named with the line that installs it."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tsn.runtime.backends import trt_library
from tsn.runtime.errors import UnavailableError


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    trt_library.open_library.cache_clear()
    yield
    trt_library.open_library.cache_clear()


@pytest.mark.parametrize(
    ("name", "module", "line"),
    [
        ("tensorrt", "tensorrt", "pip install 'tensorrt>=10.13' --extra-index-url https://pypi.nvidia.com"),
        ("tensorrt-rtx", "tensorrt_rtx", "pip install tensorrt-rtx"),
    ],
)
def test_a_missing_library_gives_the_pip_line(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, line: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnavailableError, match="is not installed") as missing:
        trt_library.open_library(name)  # type: ignore[arg-type]
    assert line in str(missing.value)


def test_a_library_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> ModuleType:
        raise OSError("libnvinfer.so.11: cannot open shared object file")

    monkeypatch.setattr(trt_library, "import_module", load)
    with pytest.raises(UnavailableError, match=r"does not load: libnvinfer\.so\.11.*--force-reinstall"):
        trt_library.open_library("tensorrt")


def test_the_error_lines_of_the_library_are_collected_and_its_chatter_is_not() -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed")
    library = trt_library.open_library("tensorrt-rtx")
    severity = library.module.ILogger.Severity
    for level, text in (
        (severity.INFO, "chatter"),
        (severity.ERROR, "bad\n  profile"),
        (severity.ERROR, "bad profile"),
    ):
        library.logger.log(level, text)
    library.logger.log(severity.INTERNAL_ERROR, "worse")
    assert library.take_errors() == "bad profile; worse"
    assert library.take_errors() == ""
    assert library.title == f"TensorRT-RTX {library.module.__version__}"
