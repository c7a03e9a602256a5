"""The schema of results.json, and what of it people are shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tsn.benchmarks.throughput.output import write_output
from tsn.benchmarks.throughput.report import markdown
from tsn.benchmarks.throughput.results import FORMAT, Results, read_results
from tsn.runtime.errors import InputError, OutputError

Make = Callable[..., Any]
DOCS = Path(__file__).parents[3] / "docs" / "benchmarks.md"


@pytest.fixture
def example(cell: Make, results: Make) -> Results:
    return results(
        *(
            cell(row, rates, size=size, scope=scope, width=width)
            for size, width, slower in (("480p", 854, 1), ("720p", 1280, 2.25))
            for scope in ("file", "networks")
            for row, rates in (
                ("eager", (2.0 / slower, 2.1 / slower, 1.9 / slower)),
                ("onnxruntime-cpu", (4.1 / slower, 4.2 / slower, 3.9 / slower)),
            )
        )
    )


def test_results_survive_the_way_to_a_file_and_back(example: Results, tmp_path: Path) -> None:
    write_output(tmp_path / "out", example, overwrite=False)
    assert read_results(tmp_path / "out" / "results.json") == example
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.md", "report.png", "results.json"]


def test_a_folder_that_is_there_is_not_replaced_unasked(example: Results, tmp_path: Path) -> None:
    write_output(tmp_path / "out", example, overwrite=False)
    with pytest.raises(OutputError, match="exists already"):
        write_output(tmp_path / "out", example, overwrite=False)
    write_output(tmp_path / "out", example, overwrite=True)


def test_every_key_of_the_schema_is_documented() -> None:
    text = DOCS.read_text(encoding="utf-8")
    schema = Results.model_json_schema()
    keys = {key for model in (schema, *schema["$defs"].values()) for key in model["properties"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (f'{{"format": {FORMAT + 1}}}', "reads up to"),
        ('{"format": 1}', "version: Field required"),
        ("[]", "no results of tsn-bench"),
        ("not json", "no results of tsn-bench"),
    ],
)
def test_what_is_no_results_is_refused_with_the_place(tmp_path: Path, change: str, message: str) -> None:
    (tmp_path / "old.json").write_text(change)
    with pytest.raises(InputError, match=message):
        read_results(tmp_path / "old.json")


def test_an_unknown_key_is_refused(example: Results, tmp_path: Path) -> None:
    text = example.model_dump_json().replace('"system":', '"sytsem":', 1)
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(InputError, match="environment"):
        read_results(tmp_path / "old.json")


def test_the_report_holds_the_rates_the_ratios_and_what_was_not_run(example: Results) -> None:
    text = markdown(example)
    assert "| lite | 480p | onnxruntime-cpu | frame-wise | 4.10 | 3.7% | 2.05 (1.95 to 2.10) |" in text
    assert "| lite | tensorrt (TensorRT) | all | all | all | this machine has no NVIDIA driver |" in text
    assert "limit of cpu in fp32: 1e+11 FLOP/s" in text
    assert all(len({line.count("|") for line in block.splitlines() if line.startswith("|")}) <= 1
               for block in text.split("\n\n"))  # fmt: skip


def test_the_picture_shows_bars_stages_and_growth(example: Results, tmp_path: Path) -> None:
    write_output(tmp_path / "out", example, overwrite=False)
    with Image.open(tmp_path / "out" / "report.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []}
        both = picture.size
    assert {(0x44, 0x77, 0xAA), (0x33, 0x22, 0x88), (0x88, 0xCC, 0xEE)} <= colours  # a size, stylize, decode
    one_size = example.model_copy(
        update={"measurements": tuple(cell for cell in example.measurements if cell.size == "480p")}
    )
    write_output(tmp_path / "one", one_size, overwrite=False)
    with Image.open(tmp_path / "one" / "report.png") as picture:
        assert picture.height < both[1]  # no growth to draw


def test_results_without_a_cell_still_make_a_report(results: Make, tmp_path: Path) -> None:
    write_output(tmp_path / "out", results(), overwrite=False)
    assert "## Not run" in (tmp_path / "out" / "report.md").read_text()
