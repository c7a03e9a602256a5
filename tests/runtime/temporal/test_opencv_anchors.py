"""Anchors on the host, against the graphs that say what they are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.temporal.test_flow import textured
from tsn.runtime.temporal.opencv_anchors import DARKEST, new_anchor


def styled(seed: int, height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    return textured(height, width, seed)


def constant(x: float, y: float, height: int = 60, width: int = 80) -> NDArray[np.float32]:
    return np.broadcast_to(np.array([x, y], np.float32), (height, width, 2)).copy()


def test_a_new_anchor_is_seen_as_it_is() -> None:
    frame = textured(60, 80)
    seen = new_anchor(styled(1), frame).seen()
    np.testing.assert_array_equal(seen[..., :3], styled(1))
    np.testing.assert_allclose(seen[..., 3], frame @ [0.299, 0.587, 0.114] * 254 / 255 + DARKEST, atol=1)


def test_black_in_an_anchor_is_told_from_outside() -> None:
    black = np.zeros((60, 80, 3), np.uint8)
    assert (new_anchor(black, black).values[..., 3] == DARKEST).all()


def test_whole_steps_add_up_and_lose_nothing() -> None:
    anchor = new_anchor(styled(1), textured(60, 80))
    carried = anchor
    for _ in range(6):
        carried = carried.carried(constant(-1, 2))
    np.testing.assert_allclose(carried.seen()[:40, 10:], anchor.values[12:52, 4:74], atol=1)


def test_outside_the_anchor_everything_is_zero() -> None:
    seen = new_anchor(styled(1), textured(60, 80)).carried(constant(-10, 0)).seen()
    assert not seen[:, :9].any()
    assert (seen[:, 12:, 3] >= DARKEST).all()


def test_half_steps_forth_and_back_blur_the_picture_once_only() -> None:
    anchor = new_anchor(styled(1), textured(60, 80))
    carried = anchor
    for step in (0.5, -0.5) * 10:
        carried = carried.carried(constant(step, 0))
    np.testing.assert_allclose(carried.seen()[5:-5, 5:-5], anchor.values[5:-5, 5:-5], atol=1)


def about_the_centre(matrix: list[list[float]]) -> NDArray[np.float32]:
    """The displacement of a linear motion of 60x80 pixels about their centre."""
    x, y = np.meshgrid(np.arange(80) - 39.5, np.arange(60) - 29.5)
    places = np.dstack([x, y])
    return (places @ np.array(matrix).T - places).astype(np.float32)


@pytest.mark.parametrize("motion", [[[1.1, 0], [0, 1.1]], [[0.99, -0.14], [0.14, 0.99]]], ids=["zoom", "turn"])
def test_a_slow_zoom_and_a_small_turn_leave_an_anchor_intact(motion: list[list[float]]) -> None:
    anchor = new_anchor(styled(1), textured(60, 80))
    assert (anchor.intact() == 255).all()
    assert (anchor.carried(about_the_centre(motion)).intact() == 255).all()


def test_an_anchor_is_torn_where_its_displacement_jumps_about_and_nowhere_else() -> None:
    torn = constant(3, -2)
    torn[:, 40:] += np.random.default_rng(0).normal(0, 20, (60, 40, 2)).astype(np.float32)
    intact = new_anchor(styled(1), textured(60, 80)).carried(torn).intact()
    assert (intact[:, :28] == 255).all()
    assert intact[:, 48:].mean() < 12


def test_what_lies_near_a_tear_is_not_intact_either_because_outlines_are_drawn_there() -> None:
    jump = constant(0, 0)
    jump[:, 40:] = (12, 0)
    intact = new_anchor(styled(1), textured(60, 80)).carried(jump).intact()
    assert (intact[:, 32:48] == 0).all()
    assert (intact[:, :24] == 255).all()
    assert (intact[:, 56:] == 255).all()


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 200), (33, 17)])
def test_small_frames_tell_what_is_intact_too(height: int, width: int) -> None:
    anchor = new_anchor(styled(1, height, width), textured(height, width))
    assert (anchor.carried(constant(1, 0, height, width)).intact() == 255).all()


def test_opencv_and_the_graph_carry_alike() -> None:
    torch = pytest.importorskip("torch")
    from tsn.export.networks.anchors import AnchorGraph, CarryGraph  # not above: they need torch

    random = np.random.default_rng(0)
    frame, picture = textured(60, 80), styled(2)
    anchor = new_anchor(picture, frame)
    values = AnchorGraph()(torch.from_numpy(picture)[None], torch.from_numpy(frame)[None])
    np.testing.assert_allclose(anchor.values, values[0].numpy(), atol=1)
    displacement = torch.zeros(1, 60, 80, 2)
    carried, seen = anchor, values
    for _ in range(3):
        flow = constant(*random.uniform(-2, 2, 2)) + (random.uniform(-1, 1, (60, 80, 2)) * 0.1).astype(np.float32)
        carried = carried.carried(flow)
        seen, displacement, intact = CarryGraph()(values, displacement, torch.from_numpy(flow)[None])
    # OpenCV takes places to the nearest 1/32 pixel.
    assert np.abs(carried.displacement - displacement[0].numpy()).max() < 0.02
    assert np.abs(carried.seen() - seen[0].numpy().astype(float))[8:-8, 8:-8].mean() < 0.7
    np.testing.assert_array_equal(carried.intact(), intact[0].numpy())


def test_opencv_and_the_graph_agree_on_what_is_torn() -> None:
    torch = pytest.importorskip("torch")
    from tsn.export.networks.anchors import CarryGraph

    flow = constant(1, 0)
    flow[:, 40:] += np.linspace(0, 30, 40, dtype=np.float32)[None, :, None]
    flow[20:24, :20] -= 3
    anchor = new_anchor(styled(1), textured(60, 80)).carried(flow)
    values, still = torch.from_numpy(anchor.values)[None], torch.zeros(1, 60, 80, 2)
    intact = CarryGraph()(values, still, torch.from_numpy(flow)[None])[2][0].numpy()
    assert (intact == 0).any()
    assert (intact == 255).any()
    np.testing.assert_allclose(anchor.intact(), intact, atol=2)
