"""What settings mean for pictures."""

from fractions import Fraction
from typing import Any

import pytest

from tsn.runtime import Settings
from tsn.runtime.errors import UsageError


@pytest.mark.parametrize(
    ("values", "says", "options"),
    [
        ({"codec": "hevc"}, "codec is for videos, and this is a", "--codec"),
        (
            {"start": Fraction(3), "duration": Fraction(1)},
            "start and duration are for videos",
            "--start and --duration",
        ),
        ({"decoder": "nvdec"}, "decoder nvdec is for videos", "--decoder nvdec"),
        ({"encoder": "nvenc"}, "encoder nvenc is for videos", "--encoder nvenc"),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_what_only_a_video_has_is_refused_for_pictures(
    values: dict[str, Any], says: str, options: str, folder: bool
) -> None:
    with pytest.raises(UsageError) as refused:
        Settings(**values).for_pictures(folder=folder)
    assert says in refused.value.reason
    assert ("folder" in refused.value.reason) is folder
    assert refused.value.cure == f"Leave {options} out"


def test_what_does_nothing_and_no_harm_is_noted() -> None:
    one_by_one = "pictures are stylized one by one: temporal stability is for videos"
    for values in ({"temporal": True}, {"flow": "dis"}, {"temporal_strength": 0.5}):
        assert Settings(**values).for_pictures(folder=True) == [one_by_one]
    assert Settings(max_frames=5).for_pictures(folder=False) == ["max_frames 5 does nothing: there is one picture"]


def test_what_pictures_have_too_is_not_noted() -> None:
    plain = Settings(decoder="cpu", encoder="cpu", start=Fraction(0), quality=90, temporal=False)
    assert plain.for_pictures(folder=False) == []
    assert Settings(max_frames=5).for_pictures(folder=True) == []
