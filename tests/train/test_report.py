"""What a run tells: the grid, the log, and what a resumed run drops from it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tsn.runtime.errors import OutputError
from tsn.train.loop import Run, train
from tsn.train.report import LOSSES, _kept_lines, picture_grid, read_losses


def test_a_grid_stacks_rows_of_scaled_and_clipped_pictures() -> None:
    grid = picture_grid([torch.zeros(2, 3, 8, 8), torch.full((2, 3, 16, 16), 1.7)], size=8)
    assert grid.shape == (16, 16, 3)
    assert (grid[:8].max(), grid[8:].min()) == (0, 255)


def test_every_loss_and_the_state_of_the_machine_are_logged(make_run: Callable[..., Run]) -> None:
    run = make_run(temporal_weight=1.0, tv_weight=0.1, colour_weight=1.0)
    train(run)
    line = read_losses(run.folder / LOSSES)[-1]
    names = {f"loss/{name}" for name in ("total", "content", "style", "colour", "tv", "temporal")}
    assert names | {"step", "learning_rate", "gradient_norm", "pictures_per_second", "memory_mb"} == set(line)
    total = line["loss/content"] + 50 * line["loss/style"] + line["loss/colour"] + line["loss/temporal"]
    assert abs(line["loss/total"] - total - 0.1 * line["loss/tv"]) < 1e-3 * total
    assert line["memory_mb"] > 50


def test_files_that_cannot_be_read_are_named_once_and_counted(
    make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    report = make_run().report
    report.console = Console(stderr=True)
    report.name_unreadable(["a.jpg is no picture", "b.mp4 is no video"])
    report.name_unreadable(["b.mp4 is no video", "c.jpg is empty"])
    assert capsys.readouterr().err.splitlines() == [
        "left out, 1 so far: a.jpg is no picture",
        "left out, 2 so far: b.mp4 is no video",
        "left out, 3 so far: c.jpg is empty",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.report.lines = Path("/dev/full")
    with pytest.raises(OutputError, match=r"cannot write .*run: No space left on device"):
        train(run)


def test_lines_after_the_step_that_a_run_resumes_from_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / LOSSES
    path.write_text("".join(json.dumps({"step": step}) + "\n" for step in (1, 2, 3, 4)))
    assert read_losses(_kept_lines(path, step=2)) == [{"step": 1}, {"step": 2}]
