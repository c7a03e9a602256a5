"""Sizes are parsed, padded and fitted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size

sizes = st.builds(Size, st.integers(1, 5000), st.integers(1, 5000))


@given(sizes)
def test_a_size_survives_being_printed(size: Size) -> None:
    assert Size.parse(str(size)) == size


@given(sizes, st.integers(1, 64), st.integers(1, 256))
def test_a_padded_size_holds_the_old_one_and_divides_and_wastes_less_than_one_multiple(
    size: Size, multiple: int, minimum: int
) -> None:
    padded = size.padded(multiple, minimum=minimum)
    for old, new in ((size.width, padded.width), (size.height, padded.height)):
        assert new % multiple == 0
        assert max(old, minimum) <= new < max(old, minimum) + multiple


@given(sizes, st.integers(1, 2000))
def test_a_fitted_size_has_the_shorter_side_asked_for(size: Size, side: int) -> None:
    fitted = size.fitted(side)
    assert min(fitted.width, fitted.height) == side


@pytest.mark.parametrize("text", ["", "12", "0x5", "axb", "10x", "-3x4", "1e3x2"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        Size.parse(text)


def test_the_longer_side_can_be_made_even_as_video_encoders_want_it() -> None:
    assert Size(1920, 1080).fitted(480) == Size(853, 480)
    assert Size(1920, 1080).fitted(480, multiple_of=2) == Size(854, 480)
    assert Size(1080, 1920).fitted(480, multiple_of=2) == Size(480, 854)
    assert Size(3, 3).fitted(1, multiple_of=2) == Size(1, 1)
