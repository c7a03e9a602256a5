"""What is to be measured: sizes by their names."""

import pytest

from tsn.benchmarks.throughput.plan import parse_sizes
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size


def test_sizes_are_named_by_lines_or_sides() -> None:
    found = {size.name: size.size for size in parse_sizes("480p,1080p,4k,97x33,480P")}
    assert found == {
        "480p": Size(854, 480),
        "1080p": Size(1920, 1080),
        "4k": Size(3840, 2160),
        "97x33": Size(97, 33),
    }


@pytest.mark.parametrize("text", ["", "p", "480", "8p", "99999p", "0x5", "480p,"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"size|range"):
        parse_sizes(text)
