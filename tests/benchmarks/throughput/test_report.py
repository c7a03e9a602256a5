"""The folder of a measurement, and what of the results people are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsn.benchmarks.throughput.report import markdown, write_folder
from tsn.benchmarks.throughput.results import Results, read_results
from tsn.runtime.errors import OutputError

Make = Callable[..., Any]


def test_results_survive_the_way_to_a_file_and_back(example: Results, tmp_path: Path) -> None:
    write_folder(tmp_path / "out", example, overwrite=False)
    assert read_results(tmp_path / "out" / "results.json") == example
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.md", "report.png", "results.json"]


def test_a_folder_that_is_there_is_not_replaced_unasked(results: Make, tmp_path: Path) -> None:
    write_folder(tmp_path / "out", results(), overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        write_folder(tmp_path / "out", results(), overwrite=False)
    write_folder(tmp_path / "out", results(), overwrite=True)


def test_the_report_holds_the_rates_the_ratios_and_what_was_not_run(example: Results) -> None:
    text = markdown(example)
    assert "| lite | 480p | onnxruntime-cpu | frame-wise | 4.10 | 3.7% | 2.05 (1.95 to 2.10) |" in text
    assert "| lite | tensorrt (TensorRT) | all | all | all | this machine has no NVIDIA driver |" in text
    assert "limit of cpu in fp32: 1e+11 FLOP/s" in text
    assert all(len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1
               for block in text.split("\n\n"))  # fmt: skip


def test_results_without_a_cell_still_make_a_report(results: Make, tmp_path: Path) -> None:
    write_folder(tmp_path / "out", results(), overwrite=False)
    assert "## Not run" in (tmp_path / "out" / "report.md").read_text()
