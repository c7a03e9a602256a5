"""tsn-doctor says what runs here, what does not, and what to type."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.video.nvdec.stand_in import stand_in
from tsn.runtime.doctor import diagnose
from tsn.runtime.errors import UnavailableError
from tsn.runtime.video.nvdec import decoder as nvdec

CODE = "from tsn.runtime.cli import doctor_main; doctor_main()"


def doctor(*words: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """tsn-doctor in a process of its own, with its cache folder at `cache`."""
    environment = {"PATH": "/usr/bin", "TSN_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=False, timeout=240, env=environment
    )


def test_json_is_one_document_and_the_cpu_runs_here(tmp_path: Path) -> None:
    ended = doctor("--json", cache=tmp_path / "cache")
    document = json.loads(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    checks = {check["name"]: check for check in document["checks"]}
    assert document["ok"]
    assert checks["cpu"]["detail"].startswith("ONNX Runtime")
    assert checks["encoder h264"]["detail"].startswith("libx264")
    assert str(tmp_path / "cache") in checks["cache folder"]["detail"]
    assert {"driver", "cuda", "tensorrt", "tensorrt-rtx", "pycuda", "encoder nvenc", "decoder nvdec"} <= set(checks)


@pytest.mark.usefixtures("no_driver")
@pytest.mark.parametrize("backend", ["cuda", "tensorrt", "tensorrt-rtx"])
def test_what_cannot_run_is_not_ok_and_each_problem_says_what_to_do(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path))
    diagnosis = diagnose(backend)
    assert not diagnosis.ok
    lacking = [check for check in diagnosis.checks if check.needed and not check.ok]
    assert {"driver", backend} <= {check.name for check in lacking}
    for check in lacking:
        assert any(word in check.detail for word in ("pip install", "Install", "nvidia-smi", "needs the NVIDIA driver"))


def test_an_unknown_backend_names_those_there_are() -> None:
    with pytest.raises(UnavailableError, match="Choose one of: cpu, cuda, tensorrt, tensorrt-rtx"):
        diagnose("abacus")


def test_a_cache_that_cannot_be_written_is_a_problem_but_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("TSN_CACHE", str(tmp_path / "file" / "cache"))
    diagnosis = diagnose("cpu")
    check = next(check for check in diagnosis.checks if check.name == "cache folder")
    assert not check.ok
    assert "Set TSN_CACHE" in check.detail
    assert diagnosis.ok


def test_on_a_machine_without_what_was_asked_for_it_ends_with_3(tmp_path: Path) -> None:
    if diagnose("tensorrt").ok:
        pytest.skip("TensorRT runs on this machine")
    ended = doctor("--for", "tensorrt", cache=tmp_path)
    assert ended.returncode == 3
    assert "tensorrt cannot run here. It lacks: " in ended.stderr
    assert "NO  tensorrt: " in ended.stdout
    assert "Traceback" not in ended.stderr


def test_what_nvdec_decodes_is_listed_and_its_lack_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path))
    monkeypatch.setattr(nvdec, "probe_driver", lambda: None)
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", stand_in(without={("H264", 10), ("AV1", 8), ("AV1", 10)}))
    check = next(check for check in diagnose().checks if check.name == "decoder nvdec")
    assert check.ok
    assert check.detail == (
        "PyNvVideoCodec 2.2.4: h264 of 8 bits, hevc of 8 bits, hevc of 10 bits, vp9 of 8 bits, vp9 of 10 bits"
    )
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", None)
    diagnosis = diagnose()
    check = next(check for check in diagnosis.checks if check.name == "decoder nvdec")
    assert not check.ok
    assert "Run: pip install PyNvVideoCodec" in check.detail
    assert diagnosis.ok
