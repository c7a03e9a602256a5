"""Motion without weights: OpenCV's DIS as the runtime calls it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tsn.runtime.flow import DisFlow


def textured(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture of soft blobs, which can be matched anywhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 6 + 2, width // 6 + 2, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def test_a_shift_is_found_in_pixels_from_the_current_frame_to_the_previous_one() -> None:
    previous = textured(120, 160)
    current = np.roll(previous, (2, 3), axis=(0, 1))  # down 2, to the right 3: it came from above and from the left
    flow = DisFlow()(current, previous)
    assert flow.shape == (120, 160, 2)
    np.testing.assert_allclose(np.median(flow[10:-10, 10:-10], axis=(0, 1)), [-3, -2], atol=0.15)


def test_equal_frames_have_no_flow_at_all() -> None:
    frame = textured(90, 110)
    assert not DisFlow()(frame, frame.copy()).any()


def test_what_does_not_change_stands_still_beside_what_moves() -> None:
    previous = textured(120, 160)
    current = previous.copy()
    current[:, 80:] = np.roll(previous, 4, axis=1)[:, 80:]
    flow = DisFlow()(current, previous)
    assert not flow[:, :70].any()
    assert abs(np.median(flow[20:-20, 100:150, 0]) + 4) < 0.3


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 200), (33, 17)])
def test_small_frames_have_flow_too(height: int, width: int) -> None:
    flow = DisFlow()(textured(height, width), textured(height, width, seed=1))
    assert flow.shape == (height, width, 2)
    assert np.isfinite(flow).all()
