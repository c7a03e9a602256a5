"""What an extra lacks, and the line that installs it."""

import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from tsn.runtime import extras
from tsn.runtime.errors import UnavailableError
from tsn.runtime.extras import EXTRAS, asked_for, install_line, missing, not_installed, pip


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """An environment with these packages and no other."""

    def version(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(extras, "version", version)


def test_the_extras_are_those_that_the_package_states() -> None:
    for extra in EXTRAS:
        assert asked_for(extra), extra
    assert not {requirement.name for requirement in asked_for("export")} & {"click", "numpy"}
    assert {"torch", "onnx"} < {requirement.name for requirement in asked_for("export")}
    assert any('extra == "train"' in line for line in requires("temporalstylenet") or [])


def test_the_line_names_what_is_missing_or_too_old_and_not_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, torch="99.0", torchvision="99.0+cpu", onnx="0.1", filelock="99.0")
    assert [requirement.name for requirement in missing("export")] == ["onnx", "onnxscript"]
    line = install_line("export")
    assert line.startswith(f"{pip()} install ")
    assert '"onnx>=' in line
    assert '"onnxscript>=' in line
    assert "torch" not in line
    assert "temporalstylenet" not in line


def test_where_nothing_is_missing_the_line_names_all(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, matplotlib="99.0", onnx="99.0", psutil="99.0")
    assert not missing("bench")
    assert '"matplotlib>=' in install_line("bench")


def test_pip_is_that_of_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder, expected in ((Path(sys.executable).parent, "pip"), (tmp_path, f"{sys.executable} -m pip")):
        monkeypatch.setattr(extras.shutil, "which", lambda name, folder=folder: str(folder / name))
        assert pip() == expected
    monkeypatch.setattr(extras.shutil, "which", lambda name: None)
    assert pip() == f"{sys.executable} -m pip"


def test_a_module_that_is_missing_is_told_with_the_line_and_one_of_ours_is_a_bug() -> None:
    error = not_installed(ModuleNotFoundError(name="onnx.helper"), extra="export")
    assert isinstance(error, UnavailableError)
    assert error.line.startswith("onnx is not installed. Run: ")
    with pytest.raises(ModuleNotFoundError):
        not_installed(ModuleNotFoundError(name="tsn.export.gone"), extra="export")
