"""The process of a row: a worker that dies gives a reason, as one that refuses does."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsn.benchmarks.throughput.process import Request, RowProcess, row_process
from tsn.benchmarks.throughput.rows import ROWS

TURN = Request(do="file", frames=2)


@pytest.fixture
def without_bundle(tmp_path: Path) -> Iterator[RowProcess]:
    """A worker whose bundle is not there."""
    with row_process(
        ROWS["onnxruntime-cpu"], bundle=tmp_path / "gone", weights=None, style="a", threads=1, clip=tmp_path / "a.mp4",
        output=tmp_path / "out.mp4",
    ) as process:  # fmt: skip
        yield process


def test_a_worker_that_cannot_take_a_turn_says_why_and_lives_on(without_bundle: RowProcess) -> None:
    for _ in range(2):
        assert "there is no bundle at" in (without_bundle.ask(TURN).error or "")


def test_a_worker_that_is_killed_gives_that_as_the_reason(without_bundle: RowProcess) -> None:
    without_bundle.stop()
    reason = "its process ended with 1" if sys.platform == "win32" else "its process was killed"
    assert reason in (without_bundle.ask(TURN).error or "")
