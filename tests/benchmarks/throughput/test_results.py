"""The schema of results.json, and the figures that stand for repeated turns."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tsn.benchmarks.throughput.results import FORMAT, Results, percentiles, rate, ratio, read_results
from tsn.runtime.errors import InputError

Make = Callable[..., Any]
ROOT = Path(__file__).parents[3]
STORED = sorted((ROOT / "benchmarks" / "results").glob("*/results.json"))


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


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.parent.name)
def test_a_stored_measurement_is_read_and_names_no_place_of_the_machine(path: Path) -> None:
    stored = read_results(path)
    assert stored.measurements
    assert stored.command[0] == "tsn-bench"
    assert [word for word in stored.command if Path(word).is_absolute()] == []


def test_a_measurement_is_stored_and_linked_from_the_documentation() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert STORED
    assert [path for path in STORED if f"{path.relative_to(ROOT).as_posix()})" not in pages] == []


def test_an_unknown_key_is_refused(example: Results, tmp_path: Path) -> None:
    text = example.model_dump_json().replace('"system":', '"sytsem":', 1)
    (tmp_path / "old.json").write_text(text)
    with pytest.raises(InputError, match="environment"):
        read_results(tmp_path / "old.json")


def test_a_rate_is_the_median_of_the_turns_with_their_spread() -> None:
    found = rate((10.0, 12.0, 11.0))
    assert (found.median, found.turns) == (11.0, (10.0, 12.0, 11.0))
    assert found.spread == pytest.approx(1 / 11)
    assert rate((10.0,)).spread == 0


def test_a_ratio_pairs_turns_that_ran_one_after_the_other() -> None:
    found = ratio((4.0, 8.0, 6.0), (2.0, 2.0, 2.0))
    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)


def test_percentiles_lie_where_they_should() -> None:
    found = percentiles([float(value) for value in range(101)])
    assert (found.p50, found.p95, found.p99, found.mean) == (50.0, 95.0, 99.0, 50.0)
