"""What is left of a run: the first and last losses, and the plot."""

from pathlib import Path

import pytest
from PIL import Image

from tsn.train.summary import curves, first_and_last, plot

LINES = [{"step": step, "loss/total": 100.0 - step, "loss/style": float(step), "memory_mb": 1.0} for step in range(40)]
RESUMED = [{"step": step, "loss/total": 1.0, "loss/style": 2.0, "loss/temporal": 0.5} for step in range(40, 50)]


def test_first_and_last_are_means_over_a_twentieth_of_the_lines() -> None:
    first, last = first_and_last(LINES)
    assert first == {"total": pytest.approx(99.5), "style": pytest.approx(0.5)}
    assert last == {"total": pytest.approx(61.5), "style": pytest.approx(38.5)}


def test_a_loss_that_a_resumed_run_took_on_has_its_own_steps(tmp_path: Path) -> None:
    found = curves(LINES + RESUMED)
    assert list(found) == ["total", "style", "temporal"]
    assert found["temporal"][0] == list(range(40, 50))
    assert first_and_last(LINES + RESUMED)[0]["temporal"] == 0.5
    plot(LINES + RESUMED, tmp_path / "losses.png")
    assert Image.open(tmp_path / "losses.png").height > Image.open(tmp_path / "losses.png").width / 2


def test_a_run_of_one_step_has_a_summary() -> None:
    assert first_and_last(LINES[:1]) == ({"total": 100.0, "style": 0.0}, {"total": 100.0, "style": 0.0})
