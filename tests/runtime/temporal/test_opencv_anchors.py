"""Anchors on the host, against the graphs that say what they are."""

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.temporal.test_flow import textured
from tsn.runtime.temporal.opencv_anchors import DARKEST, new_anchor


def styled(seed: int, height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    return textured(height, width, seed)


OTHER = textured(60, 80, seed=9)  # a frame that no anchor explains


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
        carried = carried.carried(constant(-1, 2), OTHER)
    np.testing.assert_allclose(carried.seen()[:40, 10:], anchor.values[12:52, 4:74], atol=1)


def test_outside_the_anchor_everything_is_zero() -> None:
    seen = new_anchor(styled(1), textured(60, 80)).carried(constant(-10, 0), OTHER).seen()
    assert not seen[:, :9].any()
    assert (seen[:, 12:, 3] >= DARKEST).all()


def test_half_steps_forth_and_back_blur_the_picture_once_only() -> None:
    anchor = new_anchor(styled(1), textured(60, 80))
    carried = anchor
    for step in (0.5, -0.5) * 10:
        carried = carried.carried(constant(step, 0), OTHER)
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
    assert (anchor.carried(about_the_centre(motion), OTHER).intact() == 255).all()


def test_an_anchor_is_torn_where_its_displacement_jumps_about_and_nowhere_else() -> None:
    torn = constant(3, -2)
    torn[:, 40:] += np.random.default_rng(0).normal(0, 20, (60, 40, 2)).astype(np.float32)
    intact = new_anchor(styled(1), textured(60, 80)).carried(torn, OTHER).intact()
    assert (intact[:, :28] == 255).all()
    assert intact[:, 48:].mean() < 12


def test_what_lies_near_a_tear_is_not_intact_either_because_outlines_are_drawn_there() -> None:
    jump = constant(0, 0)
    jump[:, 40:] = (12, 0)
    intact = new_anchor(styled(1), textured(60, 80)).carried(jump, OTHER).intact()
    assert (intact[:, 32:48] == 0).all()
    assert (intact[:, :24] == 255).all()
    assert (intact[:, 56:] == 255).all()


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 200), (33, 17)])
def test_small_frames_tell_what_is_intact_too(height: int, width: int) -> None:
    anchor = new_anchor(styled(1, height, width), textured(height, width))
    frame = textured(height, width, 9)
    assert (anchor.carried(constant(1, 0, height, width), frame).intact() == 255).all()


def test_noise_in_the_flow_does_not_move_a_still_picture() -> None:
    frame, random = textured(60, 80), np.random.default_rng(0)
    anchor = carried = new_anchor(styled(1), frame)
    for _ in range(20):
        noisy = (frame + random.normal(0, 1.5, frame.shape)).round().clip(0, 255).astype(np.uint8)
        carried = carried.carried(random.normal(0, 0.1, (60, 80, 2)).astype(np.float32), noisy)
    assert np.abs(carried.displacement).mean() > 0.1
    np.testing.assert_array_equal(carried.seen(), anchor.values)


def test_a_pan_too_slow_to_be_seen_between_two_frames_moves_the_anchor_when_it_has_added_up() -> None:
    anchor = carried = new_anchor(styled(1), textured(60, 80))
    for number in range(1, 21):
        carried = carried.carried(constant(0.1, 0), shifted(textured(60, 80), 0.1 * number))
    assert np.abs(carried.offset[8:-8, 8:-8] - [2, 0]).max() < 0.05
    wanted = shifted(anchor.values, 2)
    assert np.abs(carried.seen().astype(int) - wanted)[8:-8, 8:-8].max() <= 2


def shifted(picture: NDArray[np.uint8], step: float) -> NDArray[np.uint8]:
    """The picture moved to the left: what it shows at x is now at x - step."""
    rows, columns = picture.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return np.asarray(cv2.remap(picture, x + np.float32(step), y, cv2.INTER_CUBIC), np.uint8)


def test_a_new_anchor_goes_on_as_the_one_before_where_nothing_moved_and_nowhere_else() -> None:
    frame, picture = textured(60, 80), styled(1)
    changed = np.clip(picture + np.random.default_rng(0).normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    flow = constant(0, 0)
    flow[:, 40:] = (3, 0)
    carried = new_anchor(picture, frame).carried(flow, OTHER)
    seen = np.dstack([picture, carried.values[..., 3]])
    explained = np.full((60, 80), 255, np.uint8)
    renewed = carried.renewed(changed, frame, seen=seen, explained=explained)
    np.testing.assert_array_equal(renewed.values[:, :32, :3], picture[:, :32])
    np.testing.assert_array_equal(renewed.values[:, 48:, :3], changed[:, 48:])
    untrusted = carried.renewed(changed, frame, seen=seen, explained=explained // 20)
    np.testing.assert_array_equal(untrusted.values[..., :3], changed)


def test_a_new_anchor_takes_the_colours_that_the_style_has_by_now() -> None:
    frame, picture = textured(60, 80), styled(1)
    other = np.clip(picture.astype(int) + 90, 0, 255).astype(np.uint8)
    carried = new_anchor(picture, frame).carried(constant(0, 0), frame)
    renewed = carried.renewed(other, frame, seen=carried.seen(), explained=np.full((60, 80), 255, np.uint8))
    assert np.abs(renewed.values[..., :3] - other.astype(float)).mean() < 1


@pytest.mark.parametrize(("height", "width"), [(60, 80), (61, 79)])
def test_opencv_and_the_graphs_keep_carry_and_renew_alike(height: int, width: int) -> None:
    torch = pytest.importorskip("torch")
    from tsn.export.networks.anchors import AnchorGraph, CarryGraph  # not above: they need torch

    def tensor(array: NDArray[Any]) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array))[None]

    random = np.random.default_rng(0)
    frame, picture = textured(height, width), styled(2, height, width)
    blank = np.zeros_like(frame[..., :1])
    anchor = new_anchor(picture, frame)
    nothing = [
        np.dstack([blank] * 4),
        anchor.chroma,
        constant(0, 0, height, width),
        np.dstack([blank] * 4),
        blank[..., 0],
    ]
    values, tint, _ = AnchorGraph()(tensor(picture), tensor(frame), *map(tensor, nothing))
    np.testing.assert_allclose(anchor.values, values[0].numpy(), atol=1)
    np.testing.assert_allclose(anchor.chroma, tint[0].numpy(), atol=1)
    displacement, carried, current = torch.zeros(1, height, width, 2), anchor, frame.copy()
    for _ in range(3):
        flow = constant(*random.uniform(-2, 2, 2), height, width)
        flow += (random.uniform(-1, 1, (height, width, 2)) * 0.1).astype(np.float32)
        flow *= 0.02
        flow[20:36, 50:66] += 2
        current[20:36, 50:66] = textured(height, width, 5)[20:36, 50:66]  # the one place that moves
        carried = carried.carried(flow, current)
        found = CarryGraph()(values, tint, displacement, tensor(flow), tensor(current))
        seen, chroma, displacement, offset, intact = found
    # OpenCV takes places to the nearest 1/32 pixel.
    assert np.abs(carried.displacement - displacement[0].numpy()).mean() < 0.005
    assert np.abs(carried.offset - offset[0].numpy()).mean() < 0.01
    assert not carried.offset[:, :40].any()
    assert (carried.offset[20:36, 50:66] > 1).any()
    assert np.abs(carried.seen() - seen[0].numpy().astype(float))[8:-8, 8:-8].mean() < 0.7
    assert np.abs(carried.seen_chroma() - chroma[0].numpy().astype(float)).mean() < 0.5
    np.testing.assert_allclose(carried.intact(), intact[0].numpy(), atol=2)

    changed = np.clip(picture + random.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)
    explained = random.integers(0, 256, (height, width), dtype=np.uint8)
    renewed = carried.renewed(changed, current, seen=carried.seen(), explained=explained)
    given = (changed, current, carried.values, carried.chroma, carried.offset, carried.seen(), explained)
    fresh, fresh_tint, moved = AnchorGraph()(*map(tensor, given))
    assert 0.1 < (renewed.values[..., :3] == changed).all(axis=2).mean() < 0.9  # in part new, in part kept
    np.testing.assert_allclose(renewed.values, fresh[0].numpy(), atol=1)
    np.testing.assert_allclose(renewed.chroma, fresh_tint[0].numpy(), atol=1)
    np.testing.assert_allclose(renewed.displacement, moved[0].numpy(), atol=0.01)


def test_opencv_and_the_graph_agree_on_what_is_torn() -> None:
    torch = pytest.importorskip("torch")
    from tsn.export.networks.anchors import CarryGraph

    flow = constant(1, 0)
    flow[:, 40:] += np.linspace(0, 30, 40, dtype=np.float32)[None, :, None]
    flow[20:24, :20] -= 3
    anchor = new_anchor(styled(1), textured(60, 80)).carried(flow, OTHER)
    values, chroma = torch.from_numpy(anchor.values)[None], torch.from_numpy(anchor.chroma)[None]
    still = torch.zeros(1, 60, 80, 2)
    frame = torch.from_numpy(OTHER)[None]
    intact = CarryGraph()(values, chroma, still, torch.from_numpy(flow)[None], frame)[4][0].numpy()
    assert (intact == 0).any()
    assert (intact == 255).any()
    np.testing.assert_allclose(anchor.intact(), intact, atol=2)
