"""tsn-bench from the outside: what it measures, what it says, how it ends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsn.benchmarks.throughput import cli, measure
from tsn.benchmarks.throughput.clip import prepare_clip
from tsn.benchmarks.throughput.machine import environment
from tsn.benchmarks.throughput.plan import parse_size
from tsn.benchmarks.throughput.results import Results, read_results

Call = Callable[..., Any]
SMALL = ("--sizes", "64x48", "--frames", 4, "--repeats", 2, "--turn-seconds", 0.5, "--threads", 1)
SUM = 0.9  # of the wall time at least lies in the stages: between them is nothing but reading the clock
MORE = 1.05  # a busy stage cannot exceed the wall time; clocks are read at slightly other moments


def test_a_bundle_is_measured_from_file_to_file_and_alone(bench: Call, tiny_bundle: Path, tmp_path: Path) -> None:
    ended = bench("--bundle", tiny_bundle, *SMALL, "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    results = read_results(tmp_path / "out" / "results.json")
    cells, temporal = (
        {cell.scope: cell for cell in results.measurements if cell.mode == mode} for mode in ("frame-wise", "temporal")
    )
    assert {cell.row for cell in cells.values()} == {"onnxruntime-cpu"}
    file, alone = cells["file"], cells["networks"]
    for cell in (file, alone):
        assert cell.frames_per_second.median > 0
        assert len(cell.frames_per_second.turns) == 2
        assert cell.frame_ms.p50 <= cell.frame_ms.p95 <= cell.frame_ms.p99
        assert cell.multiply_adds
        assert cell.limit_share is not None
    assert SUM <= alone.accounted <= MORE
    assert 0 < file.accounted <= MORE
    assert set(file.stages) == {"decode", "stylize", "download", "encode"}
    assert set(temporal["file"].stages) == {"decode", "stylize", "blend", "encode"}
    assert alone.pipelined_frames_per_second is not None
    assert len(alone.pipelined_frames_per_second.turns) == 2
    assert set(alone.stages) == {"upload", "stylize", "download", "other"}
    assert set(temporal["networks"].stages) == {"upload", "stylize", "flow", "blend", "download", "other"}
    assert SUM <= temporal["networks"].accounted <= MORE
    assert (temporal["file"].multiply_adds or 0) > file.multiply_adds
    assert file.first_frame_seconds is not None
    assert file.first_frame_seconds > 0
    assert file.of_slowest_part is not None
    assert results.inputs[0].frames == 4
    assert [part.part for part in results.media] == ["decode", "encode"]
    assert "1/2" in ended.err
    assert "onnxruntime-cpu" in ended.out
    # Rows that cannot run are there with their reasons.
    reasons = {entry.row: entry.reason for entry in results.not_run}
    assert "--decoder FILE" in reasons["eager"]
    assert "tensorrt" in reasons
    assert {cell.row for cell in results.measurements} | set(reasons) == {
        "eager", "eager-amp", "compile", "onnxruntime-cpu", "eager-cuda", "eager-amp-cuda", "compile-cuda",
        "onnxruntime-cuda", "tensorrt", "tensorrt-rtx", "torch-tensorrt",
    }  # fmt: skip


def test_turns_of_several_lengths_are_measured_on_a_clip_that_is_long_enough(
    bench: Call, tiny_bundle: Path, tmp_path: Path
) -> None:
    words = ("--bundle", tiny_bundle, *SMALL, "--rows", "onnxruntime-cpu", "--modes", "frame-wise")
    ended = bench(*words, "--lengths", "6,3", "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    results = read_results(tmp_path / "out" / "results.json")
    assert [(cell.frames, len(cell.frames_per_second.turns)) for cell in results.by_length] == [(3, 2), (6, 2)]
    assert results.inputs[0].frames == 6
    assert {cell.frames for cell in results.measurements} == {4}
    assert "## Against the length" in (tmp_path / "out" / "report.md").read_text()


def test_lengths_past_the_end_of_a_given_clip_are_refused(bench: Call, tiny_bundle: Path, tmp_path: Path) -> None:
    clip, _ = prepare_clip(None, parse_size("64x48"), frames=5, folder=tmp_path)
    ended = bench("--bundle", tiny_bundle, "--input", clip, "--sizes", "64x48", "--frames", 2, "--lengths", "2,6")
    assert ended.code == 4
    assert "64x48.mp4 has 5 frames, --lengths asks for 6" in ended.err


def test_no_repeat_begins_when_the_time_is_used_up(
    bench: Call, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "QUICK_SECONDS", 0.0)
    words = ("--quick", "--sizes", "48x32", "--rows", "onnxruntime-cpu", "--modes", "frame-wise", "--repeats", 50)
    words = (*words, "--threads", 1)
    ended = bench("--bundle", tiny_bundle, *words, "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert "after 1 of 50 repeats" in ended.err
    results = read_results(tmp_path / "out" / "results.json")
    assert [len(cell.frames_per_second.turns) for cell in results.measurements] == [1, 1]


def test_json_is_one_document_on_stdout(
    bench: Call, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, cell: Call, results: Call
) -> None:
    found = results(cell("eager", (4.0, 4.1, 3.9)))
    monkeypatch.setattr(measure, "measure", lambda plan, *, say: found)
    ended = bench("--bundle", tiny_bundle, "--json")
    assert ended.code == 0, ended.err
    assert Results.model_validate_json(ended.out) == found


def test_a_worker_that_fails_is_a_reason_and_not_the_end(bench: Call, tiny_bundle: Path, tmp_path: Path) -> None:
    ended = bench(
        "--bundle", tiny_bundle, "--sizes", "8x8", *SMALL[2:], "--rows", "onnxruntime-cpu", "-o", tmp_path / "o"
    )
    assert ended.code == 3
    results = read_results(tmp_path / "o" / "results.json")
    assert results.measurements == ()
    assert "too small" in results.not_run[0].reason


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--rows", "caffe"], 2, "there is no row 'caffe'"),
        (["--sizes", "big"], 2, "'big' is not a size"),
        (["--modes", "sideways"], 2, "there is no mode 'sideways'"),
        (["--tolerance", "0.2"], 2, "--compare"),
        (["--lengths", "12,"], 2, "'' is no length"),
        (["--lengths", "1"], 2, "'1' is no length"),
        (["--compare", "gone.json"], 4, "gone.json cannot be read"),
        (["--input", "gone.mp4"], 4, "there is no file gone.mp4"),
        (["--checkpoint", "gone.pth"], 4, "there is no file gone.pth"),
        (["--style", "nowhere"], 4, "nowhere"),
        (["-o", "no/such/folder"], 5, "mkdir -p"),
        (["--bundle", "nowhere"], 6, "there is no bundle at nowhere"),
    ],
)
def test_a_mistake_is_one_line_with_its_exit_code_before_anything_is_measured(
    bench: Call, tiny_bundle: Path, words: list[str], code: int, message: str
) -> None:
    ended = bench("--bundle", tiny_bundle, *words)
    assert ended.code == code, ended.err
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert "starting" not in ended.err


def test_a_bundle_cannot_be_measured_twice_under_one_name(bench: Call, tiny_bundle: Path) -> None:
    assert bench("--bundle", tiny_bundle, "--bundle", tiny_bundle).code == 2


def test_a_slowdown_ends_with_1_after_the_results_are_written(
    bench: Call, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: Call, results: Call
) -> None:
    here = environment()
    before, same, slow = (
        results(cell("eager", rates)).model_copy(update={"environment": here})
        for rates in ((4.0, 4.1, 3.9), (3.9, 4.0, 4.0), (2.0, 2.1, 1.9))
    )
    old = tmp_path / "old.json"
    old.write_text(before.model_dump_json())

    def measured(found: Results) -> Any:
        monkeypatch.setattr(measure, "measure", lambda plan, *, say: found)
        return bench("--bundle", tiny_bundle, "--compare", old, "-o", tmp_path / "out", "--overwrite")

    ended = measured(same)
    assert ended.code == 0, ended.err
    assert "1 cells compared, 0 slower" in ended.err
    ended = measured(slow)
    assert ended.code == 1
    assert "slower: lite 480p eager frame-wise file: 4.00 -> 2.00 frames/s (-50.0%" in ended.err
    assert read_results(tmp_path / "out" / "results.json") == slow


def test_the_rows_are_listed(bench: Call) -> None:
    assert "tensorrt-rtx: TensorRT for RTX" in bench("--list-rows").out.splitlines()
