"""What engines can be asked for."""

import pytest

from tsn.export.engines.request import DEFAULT_MAXIMUM, DEFAULT_MINIMUM, Sizes, parse_compute_capabilities
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size


def test_one_size_makes_a_static_engine_and_a_range_a_dynamic_one() -> None:
    one = Sizes.of(size=Size(1920, 1080))
    assert (one.static, str(one)) == (True, "1920x1080")
    many = Sizes.of()
    assert (many.static, many.minimum, many.maximum) == (False, DEFAULT_MINIMUM, DEFAULT_MAXIMUM)
    assert Sizes.of(maximum=Size(3840, 2160)).optimum == Size(3840, 2160)
    assert Sizes.of(optimum=Size(3840, 2160)).maximum == Size(3840, 2160)


@pytest.mark.parametrize(
    ("sizes", "says"),
    [
        ({"size": Size(64, 64), "maximum": Size(64, 64)}, "leave --min-size"),
        ({"minimum": Size(640, 64), "optimum": Size(320, 64)}, "the widths 640, 320 and 320 are out of order"),
        ({"optimum": Size(64, 128), "maximum": Size(128, 100)}, "the heights 64, 128 and 100"),
    ],
)
def test_sizes_out_of_order_are_named(sizes: dict[str, Size], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Sizes.of(**sizes)


@pytest.mark.parametrize("text", ["89,120", "8.9,12.0", "sm_89, sm_120", "89,120,8.9"])
def test_compute_capabilities_are_read_in_every_usual_spelling(text: str) -> None:
    assert parse_compute_capabilities(text) == ("8.9", "12.0")


@pytest.mark.parametrize("text", ["", "ada", "8", "1200", "89;120"])
def test_what_is_no_compute_capability_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no compute capability"):
        parse_compute_capabilities(text)
