"""The drawn styles: the same from the same seed, unlike each other, neither flat nor clipped."""

from pathlib import Path

import numpy as np
import pytest

from tsn.runtime.pictures.reader import read_picture
from tsn.train.procedural.styles import STYLES, draw, draw_all


@pytest.mark.parametrize("name", STYLES)
def test_a_style_is_a_picture_with_light_and_dark_that_its_seed_repeats(name: str) -> None:
    picture = draw(name, side=96)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20
    assert np.array_equal(picture, draw(name, side=96))
    assert not np.array_equal(picture, draw(name, side=96, seed=1))


def test_no_two_styles_have_the_same_colours() -> None:
    colours = {name: draw(name, side=96).reshape(-1, 3) for name in STYLES}
    looks = np.array([[*values.mean(0), *values.std(0)] for values in colours.values()])
    distances = np.abs(looks[:, None] - looks[None]).max(axis=2) + np.eye(len(looks)) * 255
    assert distances.min() > 5


def test_all_are_written_as_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tsn.train.procedural.styles.STYLES", {"waves": STYLES["waves"]})
    draw_all(tmp_path / "new" / "folder")
    assert read_picture(tmp_path / "new" / "folder" / "waves.png").shape == (640, 640, 3)
