"""pycuda is built from packages that fit the driver, and what is missing for it is one line."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from tsn.runtime import install_pycuda
from tsn.runtime.backends.trt_library import INSTALL_PYCUDA
from tsn.runtime.errors import UnavailableError


@pytest.mark.parametrize(
    ("cuda", "packages"),
    [
        ("13.0", ["nvidia-cuda-runtime>=13,<13.1", "nvidia-cuda-profiler-api>=13,<13.1"]),
        ("13.5", ["nvidia-cuda-runtime>=13,<13.6", "nvidia-cuda-profiler-api>=13,<13.6"]),
        ("12.8", ["nvidia-cuda-runtime-cu12>=12,<12.9", "nvidia-cuda-profiler-api-cu12>=12,<12.9"]),
        ("12", ["nvidia-cuda-runtime-cu12>=12,<13", "nvidia-cuda-profiler-api-cu12>=12,<13"]),
    ],
)
def test_the_headers_are_no_newer_than_the_driver(cuda: str, packages: list[str]) -> None:
    assert install_pycuda.header_packages(cuda) == packages


@pytest.mark.parametrize("cuda", ["11.8", "newest", "12.x"])
def test_a_version_without_packages_is_refused(cuda: str) -> None:
    with pytest.raises(UnavailableError, match=f"CUDA {cuda}, only for 12 and newer"):
        install_pycuda.header_packages(cuda)


@pytest.mark.parametrize(
    ("missing", "cure"),
    [("pip", "-m ensurepip"), ("headers", "apt install python3-dev"), ("compiler", "apt install g++")],
)
def test_what_the_build_lacks_is_said_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str, cure: str
) -> None:
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("CXX", sys.executable)  # some program that is there
    monkeypatch.setattr(install_pycuda.sysconfig, "get_path", lambda name: str(tmp_path))
    install_pycuda.refuse_incapable()
    if missing == "pip":
        monkeypatch.setattr(install_pycuda, "find_spec", lambda name: None)
    elif missing == "headers":
        (tmp_path / "Python.h").unlink()
    else:
        monkeypatch.setenv("CXX", "no-such-compiler -O2")
    with pytest.raises(UnavailableError, match=cure.replace("+", r"\+")):
        install_pycuda.refuse_incapable()


class Programs:
    """Stands for the programs that a build starts; pip puts the headers where it is told to."""

    def __init__(self, *, failing: str = "", said: str = "", loads: Sequence[str | None] = ()) -> None:
        self.calls: list[tuple[list[str], dict[str, str]]] = []
        self._failing, self._said, self._loads = failing, said, list(loads)

    def run(self, command: list[str], env: dict[str, str] | None = None, **_: Any) -> SimpleNamespace:
        if "import pycuda.driver" in command[-1]:
            reason = self._loads.pop(0)
            return SimpleNamespace(returncode=0 if reason is None else 1, stdout="", stderr=f"Traceback\n{reason}\n")
        self.calls.append((command, env or {}))
        if "--target" in command:
            (Path(command[command.index("--target") + 1]) / "nvidia" / "cu13" / "include").mkdir(parents=True)
        failed = bool(self._failing) and self._failing in command
        return SimpleNamespace(returncode=int(failed), stdout=self._said if failed else "", stderr="")


def invoke(
    monkeypatch: pytest.MonkeyPatch, programs: Programs, *, driver: str | None, words: Sequence[str] = ()
) -> Any:
    monkeypatch.setattr(subprocess, "run", programs.run)
    monkeypatch.setattr(install_pycuda, "refuse_incapable", lambda: None)
    monkeypatch.setattr(install_pycuda, "driver_cuda", lambda: driver)
    monkeypatch.setattr(install_pycuda, "version", lambda name: "2026.1")
    return CliRunner().invoke(install_pycuda.command, list(words))


MISSING = "ModuleNotFoundError: No module named 'pycuda'"
NO_DRIVER = "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory"


def test_it_is_built_against_the_headers_and_installed_with_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs(loads=[MISSING, None])
    result = invoke(monkeypatch, programs, driver="13.2")
    assert result.output.splitlines()[-1] == "pycuda 2026.1 is built and loads"
    headers, *_, built, needed = programs.calls
    folder = headers[0][headers[0].index("--target") + 1]
    assert headers[0][-2:] == ["nvidia-cuda-runtime>=13,<13.3", "nvidia-cuda-profiler-api>=13,<13.3"]
    option = built[0][built[0].index("--config-settings") + 1]
    assert f"CUDA_INC_DIR=['{folder}/nvidia/cu13/include']" in option.replace("'\"'\"'", "'")
    assert "CUDA_ENABLE_CURAND=False" in option
    assert "--no-as-needed" in built[1]["LDFLAGS"]
    assert needed[0][-2:] == ["install", install_pycuda.PYCUDA]
    assert not Path(folder).exists()


def test_without_a_driver_it_is_built_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    result = invoke(monkeypatch, Programs(loads=[MISSING, NO_DRIVER]), driver=None)
    assert result.exit_code == 0
    assert "it loads once a driver for CUDA 13.0 or newer is here" in result.output


def test_one_that_loads_is_left_alone_unless_a_version_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs(loads=[None, None])
    assert "nothing to do" in invoke(monkeypatch, programs, driver="12.8").output
    assert programs.calls == []
    assert "for CUDA 12.4" in invoke(monkeypatch, programs, driver="12.8", words=["--cuda", "12.4"]).output
    assert "nvidia-cuda-runtime-cu12>=12,<12.5" in programs.calls[0][0]


def test_one_that_is_built_and_does_not_load_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    undefined = "ImportError: undefined symbol: cuEventElapsedTime_v2"
    result = invoke(monkeypatch, Programs(loads=[MISSING, undefined]), driver="12.2")
    assert isinstance(result.exception, UnavailableError)
    assert "cuEventElapsedTime_v2" in str(result.exception)
    assert "--cuda" in str(result.exception)


def test_a_build_that_fails_gives_its_first_error_line(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Collecting pycuda\n  src/cpp/cuda.hpp:14:10: fatal error: cuda.h: No such file\nERROR: failed to build"
    programs = Programs(failing="--no-binary", said=said, loads=[MISSING])
    result = invoke(monkeypatch, programs, driver=None)
    assert isinstance(result.exception, UnavailableError)
    assert "cuda.hpp:14:10: fatal error: cuda.h: No such file. TSN_DEBUG=1" in str(result.exception)


def test_the_cure_that_errors_name_is_this_command() -> None:
    name = INSTALL_PYCUDA.removeprefix("python -m ")
    assert name == f"{install_pycuda.__name__}"
    shown = subprocess.run([sys.executable, "-m", name, "--help"], capture_output=True, text=True, check=True)
    assert "--cuda" in shown.stdout
