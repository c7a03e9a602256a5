"""The drawn scenes: pictures of the size asked for, none like another."""

import numpy as np
import pytest

from tsn.benchmarks.studies.drawn_photos import SCENES


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_is_a_picture_that_comes_out_the_same_again(name: str) -> None:
    picture = SCENES[name](128)
    assert picture.shape == (128, 128, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20
    assert np.array_equal(picture, SCENES[name](128))
