"""An error says to Python what happened, and on a command line also what to type."""

import pickle
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.errors import InputError, OutputError, TsnError, UsageError
from tsn.runtime.geometry import Size

Call = Callable[..., Any]


@pytest.fixture
def picture(tmp_path: Path, drawn: Call) -> Path:
    Image.fromarray(drawn(0)).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def test_python_gets_the_reason_and_a_command_prints_the_cure_behind_it() -> None:
    error = OutputError("out.mp4 exists already", cure="Add --overwrite")
    assert str(error) == error.reason == "out.mp4 exists already"
    assert error.line == "out.mp4 exists already. Add --overwrite"
    assert TsnError("gone").line == "gone"


def test_an_error_keeps_its_cure_on_the_way_from_one_process_to_another() -> None:
    error = pickle.loads(pickle.dumps(InputError("no video", cure="Give another")))
    assert (type(error), str(error), error.line) == (InputError, "no video", "no video. Give another")


@pytest.mark.parametrize(
    "values",
    [
        {"alpha": 1.5},
        {"quality": 101},
        {"temporal_strength": -1.0},
        {"temporal": False, "flow": "dis"},
        {"temporal": False, "temporal_strength": 0.5},
        {"style_size": 0},
        {"max_frames": 0},
        {"start": Fraction(-1)},
    ],
)
def test_a_setting_out_of_range_is_told_by_its_name_in_python(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        Settings(**values)
    assert "--" not in str(refused.value)
    assert any(name.replace("_", " ") in str(refused.value).replace("_", " ") for name in [*values, "size"])


def test_the_python_api_speaks_of_no_option_of_a_command(tiny_bundle: Path, picture: Path) -> None:
    transfer = VideoStyleTransfer(tiny_bundle)
    written = transfer.process_video(picture, "noise").output
    for expected, call in {
        "exists already, and overwrite is not set": lambda: transfer.process_video(picture, "noise", written),
        "is the input itself": lambda: transfer.process_video(picture, "noise", picture),
        "no style is given": lambda: transfer.process(picture, [], settings=Settings()),
        "too small": lambda: transfer.process_video(
            picture, "noise", picture.with_name("small.png"), settings=Settings(size=Size(4, 4))
        ),
        "too large": lambda: transfer.process_video(
            picture, "noise", picture.with_name("large.png"), settings=Settings(size=Size(20000, 20))
        ),
    }.items():
        with pytest.raises(TsnError, match=expected) as refused:
            call()
        assert "--" not in str(refused.value)
        assert " -o" not in str(refused.value)
        assert "-" in refused.value.cure
