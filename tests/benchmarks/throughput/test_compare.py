"""A planted slowdown is caught, equal runs are not; on recorded numbers, so that no clock decides."""

from collections.abc import Callable
from typing import Any

import pytest

from tsn.benchmarks.throughput.compare import compare, pooled, refuse_other_machine
from tsn.runtime.errors import UsageError

Make = Callable[..., Any]

# Five turns of one row, measured twice, an hour apart.
MORNING = (12.1, 12.4, 12.2, 12.3, 12.2)
EVENING = (12.0, 12.3, 12.4, 12.1, 12.2)
NOISY = (12.2, 9.1, 14.8, 11.0, 13.3)


def scaled(turns: tuple[float, ...], by: float) -> tuple[float, ...]:
    return tuple(turn * by for turn in turns)


def test_two_runs_of_the_same_program_are_not_slower(cell: Make, results: Make) -> None:
    morning, evening = (results(cell("eager", turns)) for turns in (MORNING, EVENING))
    assert compare(morning, evening).slower == []
    assert compare(evening, morning).slower == []
    assert compare(morning, morning).slower == []


@pytest.mark.parametrize(("factor", "caught"), [(0.80, True), (0.88, True), (0.92, False), (1.5, False)])
def test_a_planted_slowdown_of_a_quiet_row_is_caught_past_ten_per_cent(
    cell: Make, results: Make, factor: float, caught: bool
) -> None:
    before = results(cell("eager", MORNING), cell("compile", MORNING))
    after = results(cell("eager", EVENING), cell("compile", scaled(EVENING, factor)))
    slower = compare(before, after).slower
    assert [change.cell for change in slower] == (["lite 480p compile frame-wise file"] if caught else [])


def test_a_noisy_row_needs_more_than_its_noise(cell: Make, results: Make) -> None:
    before = results(cell("eager", NOISY))
    assert compare(before, results(cell("eager", scaled(NOISY, 0.80)))).slower == []
    assert compare(before, results(cell("eager", scaled(MORNING, 0.40)))).slower != []


def test_the_noise_of_two_measurements_is_the_root_of_their_mean_square() -> None:
    assert pooled(0.3, 0.4) == pytest.approx(0.125**0.5)


def test_the_worst_comes_first_and_is_named_with_its_figures(cell: Make, results: Make) -> None:
    before = results(cell("eager", MORNING), cell("compile", MORNING), cell("eager", MORNING, size="720p"))
    after = results(cell("eager", scaled(MORNING, 0.7)), cell("compile", scaled(MORNING, 0.5)), cell("tensorrt", NOISY))
    lines = compare(before, after).lines()
    assert lines[0].startswith("slower: lite 480p compile frame-wise file: 12.20 -> 6.10 frames/s (-50.0%, noise 10.0%")
    assert lines[1].startswith("slower: lite 480p eager")
    assert lines[2] == "no longer measured: lite 720p eager frame-wise file"
    assert lines[3] == "2 cells compared, 2 slower, 1 new"


def test_a_wider_tolerance_lets_more_pass(cell: Make, results: Make) -> None:
    before, after = results(cell("eager", MORNING)), results(cell("eager", scaled(MORNING, 0.75)))
    assert compare(before, after).slower
    assert not compare(before, after, tolerance=0.3).slower


def test_nothing_in_common_is_an_error_and_no_success(cell: Make, results: Make) -> None:
    with pytest.raises(UsageError, match="no cell in common"):
        compare(results(cell("eager", MORNING)), results(cell("compile", MORNING)))


def test_results_of_another_machine_are_refused(results: Make) -> None:
    refuse_other_machine(results().environment, results().environment)
    with pytest.raises(UsageError, match="another machine"):
        refuse_other_machine(results(cores=64).environment, results().environment)
