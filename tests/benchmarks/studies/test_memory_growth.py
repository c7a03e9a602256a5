"""The growth of memory over the frames of a video."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tsn.benchmarks.studies.memory_growth import command, growth


def test_the_growth_is_the_slope_after_memory_has_settled() -> None:
    held = [(frame, 100 + frame / 500) for frame in range(1000, 6000, 1000)]
    assert growth([(200, 5.0), (400, 50.0), *held]) == pytest.approx(2.0)  # MB for 1,000 frames
    assert growth([(frame, 80.0) for frame in range(100, 1100, 100)]) == pytest.approx(0, abs=1e-9)


def test_a_run_is_looked_at_fifty_times(tiny_bundle: Path) -> None:
    ended = CliRunner().invoke(command, [str(tiny_bundle), "--frames", "100", "--size", "64x48"])
    assert ended.exception is None
    found = json.loads(ended.stdout)
    assert list(found["mb_held"]) == [str(frame) for frame in range(2, 101, 2)]
    assert all(held > 10 for held in found["mb_held"].values())
    held = [(int(done), megabytes) for done, megabytes in found["mb_held"].items()]
    assert found["mb_per_1000_frames"] == pytest.approx(growth(held), abs=50)  # `held` is rounded
