"""What the whole measurement says of cells that stay empty."""

from tsn.benchmarks.throughput.measure import merged
from tsn.benchmarks.throughput.results import NotRun


def test_one_reason_for_every_size_and_mode_is_said_once() -> None:
    def entry(row: str, size: str, mode: str) -> NotRun:
        return NotRun(bundle="a", row=row, size=size, mode=mode, reason=f"no {row}")

    everywhere = [entry("gpu", size, mode) for size in ("480p", "720p") for mode in ("frame-wise", "temporal")]
    once = [entry("compile", "720p", "frame-wise")]
    found = merged([*everywhere, *once], sizes=2, ways=2)
    assert found == [NotRun(bundle="a", row="gpu", reason="no gpu"), *once]
