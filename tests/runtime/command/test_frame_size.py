"""A size on the command line, and what is suggested for one that is none."""

import pytest

from tsn.runtime.command.frame_size import parse_frame_size, parse_work_size
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size


def test_a_size_is_a_width_and_a_height_or_a_height_with_a_p() -> None:
    assert parse_frame_size("1280x720") == (Size(1280, 720), None)
    assert parse_frame_size("720p") == parse_frame_size("720P") == (None, 720)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("720", "720p"), ("1280", "720p"), ("720i", "720p"), ("p720", "720p"), ("480 p", "480p"), ("360px", "360p"),
        ("1280*720", "1280x720"), ("1280:720", "1280x720"), ("1280, 720", "1280x720"), ("1280 720", "1280x720"),
        ("4K", "2160p"), ("FullHD", "1080p"),
    ],
)  # fmt: skip
def test_what_was_meant_is_suggested_and_is_a_size(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match="is not a size") as refused:
        parse_frame_size(text)
    assert refused.value.cure.startswith(f"Did you mean {meant}? ")
    parse_frame_size(meant)


@pytest.mark.parametrize("text", ["wide", "", "²p", "0x0", "0", "-720", "1e3", "x"])
def test_nothing_is_suggested_for_what_nobody_can_guess(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size") as refused:
        parse_frame_size(text)
    assert refused.value.cure == "Give a height such as 720p, or a width and a height such as 1280x720"


def test_a_working_size_is_lines_or_native() -> None:
    assert parse_work_size("540p") == 540
    assert parse_work_size("native") is parse_work_size("Native") is None


@pytest.mark.parametrize("text", ["540", "960x540", "nativ", "", "0p"])
def test_other_working_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no working size") as refused:
        parse_work_size(text)
    assert "--work-size 540p, or native" in refused.value.cure
