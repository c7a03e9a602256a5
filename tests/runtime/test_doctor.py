"""tsn-doctor says what runs here, what does not, and what to type."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.video.nvdec.stand_in import stand_in
from tsn.runtime import doctor as doctoring
from tsn.runtime.doctor import ABOVE, diagnose
from tsn.runtime.errors import UnavailableError
from tsn.runtime.extras import EXTRAS, asked_for, install_line, missing
from tsn.runtime.geometry import Size
from tsn.runtime.speed import Speed
from tsn.runtime.video.nvdec import decoder as nvdec

CODE = "from tsn.runtime.cli import doctor_main; doctor_main()"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Speed:
    """No measuring in this process."""
    speed = Speed(bundle="lite", size=Size(854, 480), cores=2, frames_per_second=9.26)
    monkeypatch.setattr(doctoring, "measure_speed", lambda: speed)
    return speed


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
    assert document["speed"]["frames_per_second"] > 0
    assert document["speed"]["size"] == "854x480"
    assert document["summary"].startswith("you can stylize here: lite, about ")
    assert {"ONNX Runtime", "OpenCV", "PyAV"} <= set(document["versions"])


def test_the_first_line_says_what_can_be_done_here_and_the_second_with_what(tmp_path: Path) -> None:
    ended = doctor(cache=tmp_path)
    first, second, *checks = ended.stdout.splitlines()
    assert re.fullmatch(
        r"you can stylize here: lite, about [0-9.]+ frames/s at 480p on this CPU \([0-9]+ cores?\)", first
    )
    assert re.fullmatch(r"temporalstylenet .*, Python .*, ONNX Runtime .*, OpenCV .*, PyAV .*, NumPy .*", second)
    assert all(line[:4] in ("ok  ", "no  ", "NO  ") for line in checks)


def test_where_the_cpu_cannot_stylize_the_first_line_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Speed:
        raise UnavailableError("there is not enough memory", cure="Close something")

    monkeypatch.setattr(doctoring, "measure_speed", fail)
    diagnosis = diagnose("cpu")
    assert not diagnosis.ok
    assert diagnosis.document()["speed"] is None
    reason = "there is not enough memory. Close something"
    assert diagnosis.document()["summary"] == f"you cannot stylize on this CPU: {reason}"


@pytest.mark.usefixtures("no_driver")
def test_what_the_driver_lacks_is_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TSN_CACHE", str(tmp_path))
    details = {check.name: check.detail for check in diagnose("cpu").checks}
    assert "Install the driver" in details["driver"]
    for name in ("cuda", "tensorrt", "tensorrt-rtx", "encoder nvenc", "decoder nvdec"):
        assert details[name] == ABOVE
    assert sum("there is no NVIDIA driver" in detail for detail in details.values()) == 1


def test_each_extra_is_there_or_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {check.name: check for check in diagnose("cpu").checks}
    for extra in EXTRAS:
        check = checks[f"extra {extra}"]
        assert check.ok == (not missing(extra))
        assert not check.needed
        assert check.ok or "Run: " in check.detail
    lacking = asked_for("bench")[:1]
    monkeypatch.setattr(doctoring, "missing", lambda extra: lacking)
    check = next(check for check in diagnose("cpu").checks if check.name == "extra bench")
    assert check.detail == f"without {lacking[0].name}. Run: {install_line('bench')}"


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
        assert any(
            word in check.detail
            for word in ("pip install", "Install", "nvidia-smi", "install_pycuda", "needs the NVIDIA driver")
        )


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
