"""A styled frame is carried up to the picture's size: crisp, without halos, along the outlines of the content."""

import cv2
import numpy as np
import pytest

from tsn.runtime.enlarge import Planes, enlarged, enlarged_picture, reduced_picture
from tsn.runtime.geometry import Size


def scene(height: int, width: int) -> np.ndarray:
    """A bright disc on a dark ground under soft stripes, the same at every size."""
    y, x = np.mgrid[0:height, 0:width] / height
    inside = (y - 0.5) ** 2 + (x - 0.7) ** 2 < 0.09
    levels = np.where(inside, 190, 60) + 12 * np.sin(40 * x + 15 * y)
    return np.stack([levels, levels * 0.8, levels * 0.5], axis=-1).astype(np.uint8)


def detail(rgb: np.ndarray) -> float:
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.hypot(np.diff(luma, axis=0)[:, 1:], np.diff(luma, axis=1)[1:]).mean())


@pytest.mark.parametrize("size", [Size(192, 108), Size(193, 109), Size(480, 270), Size(97, 216)])
def test_the_result_has_the_size_of_the_content_and_the_colours_of_the_styled_frame(size: Size) -> None:
    content = scene(size.height, size.width)
    styled = 255 - reduced_picture(content, size.fitted(60))
    result = enlarged_picture(styled, content)
    assert result.shape == content.shape
    difference = result.astype(float).mean(axis=(0, 1)) - styled.astype(float).mean(axis=(0, 1))
    assert np.abs(difference).max() < 4  # levels


def test_it_is_crisper_than_lanczos_and_casts_no_halo() -> None:
    content = scene(240, 360)
    styled = reduced_picture(content, Size(180, 120))
    result = enlarged_picture(styled, content)
    lanczos = cv2.resize(styled, (360, 240), interpolation=cv2.INTER_LANCZOS4)
    assert detail(result) > 1.15 * detail(lanczos)
    bicubic = cv2.resize(styled, (360, 240), interpolation=cv2.INTER_CUBIC)
    luma, plain = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(int) for rgb in (result, bicubic))
    assert luma.max() <= plain.max() + 2  # levels: the edge rises by 130
    assert luma.min() >= plain.min() - 2


def test_a_flat_frame_stays_as_it_is() -> None:
    styled = np.full((20, 30, 3), (200, 40, 90), np.uint8)
    result = enlarged_picture(styled, np.full((50, 75, 3), 128, np.uint8))
    assert np.abs(result.astype(int) - (200, 40, 90)).max() <= 2  # levels, by the way over YCrCb


def test_edges_lie_where_those_of_the_content_do_where_the_strokes_follow_them() -> None:
    content = np.full((240, 360, 3), 60, np.uint8)
    content[:, 41:200] = 200  # an edge within a pixel of the small frame
    styled = reduced_picture(content, Size(120, 80))
    followed = enlarged_picture(styled, content)
    other = enlarged_picture(styled, np.full_like(content, 128))
    error = [np.abs(rgb.astype(int) - content)[:, 36:46].mean() for rgb in (followed, other)]
    assert error[0] < 0.8 * error[1], error


def test_planes_of_colour_may_have_half_the_size() -> None:
    content = scene(108, 192)[..., 0]
    small = cv2.resize(content, (96, 54), interpolation=cv2.INTER_AREA)
    planes = enlarged(Planes(small, small, small), content, chroma_step=2)
    assert [plane.shape for plane in planes] == [(108, 192), (54, 96), (54, 96)]


def test_large_factors_are_taken_in_two_steps() -> None:
    content = scene(480, 640)
    result = enlarged_picture(reduced_picture(content, Size(160, 120)), content)
    assert result.shape == content.shape
    assert np.abs(result.astype(int) - content).mean() < 6  # levels
