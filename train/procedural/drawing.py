"""The means of the drawn styles: noise, cells, soft steps, grain and colours."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (side, side, 3) RGB
Canvas = NDArray[np.floating[Any]]  # (side, side, 3) RGB in 0..1
Field = NDArray[np.floating[Any]]  # (side, side)
Random = np.random.Generator
Colours = NDArray[np.floating[Any]]  # (n, 3) RGB in 0..1


def noise(random: Random, side: int, *, cells: int, octaves: int = 1) -> Field:
    """Return smooth noise in 0..1, evenly distributed, with `cells` bumps across and finer ones on top of them."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        grid = random.random((cells * 2**octave + 1,) * 2, dtype=np.float32)
        total += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    low, high = np.quantile(total, [0.01, 0.99])
    return np.clip((total - low) / (high - low), 0, 1).astype(np.float32)


def cells_of(
    random: Random, side: int, *, count: int = 0, places: NDArray[np.float32] | None = None
) -> tuple[NDArray[np.int64], Field]:
    """Return for each pixel its nearest place, and by how many pixels the second nearest is farther."""
    if places is None:
        places = random.uniform(0, side, (count, 2)).astype(np.float32)
    index = cv2.flann.Index(places, {"algorithm": 0})  # exact: the trees of FLANN are random
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    found, squares = index.knnSearch(np.stack([columns.ravel(), rows.ravel()], axis=1), 2)
    near, second = np.sqrt(squares).T
    return found[:, 0].reshape(side, side).astype(np.int64), (second - near).reshape(side, side)


def jittered_grid(random: Random, side: int, *, cells: int, amount: float) -> NDArray[np.float32]:
    """Return cells x cells places (n, 2), right and down in pixels, each moved by up to `amount` of a cell."""
    step = side / cells
    rows, columns = np.mgrid[0:cells, 0:cells].reshape(2, -1)
    places = (np.stack([columns, rows], axis=1) + 0.5 + random.uniform(-amount, amount, (cells * cells, 2))) * step
    return places.astype(np.float32)


def smooth_step(values: Field, low: Field | float, high: Field | float) -> Field:
    """Return 0 up to `low`, 1 from `high`, and a smooth rise between them."""
    part = np.clip((values - low) / (np.asarray(high) - low), 0, 1)
    return part * part * (3 - 2 * part)


def grained(random: Random, picture: Canvas, amount: float) -> Canvas:
    """Add grey noise of that deviation to a picture."""
    return picture + random.normal(0, amount, picture.shape[:2]).astype(np.float32)[..., None]


def palette(codes: str) -> Colours:
    """Read colours from hexadecimal codes."""
    channels = [[int(code[place : place + 2], 16) / 255 for place in (0, 2, 4)] for code in codes.split()]
    return np.array(channels, np.float32)


def plain(side: int, code: str) -> Canvas:
    """Return a canvas of one colour."""
    return np.tile(palette(code)[0], (side, side, 1))


def slope(field: Field) -> Field:
    """Return the slope of a field: change for each pixel."""
    return np.hypot(np.gradient(field, axis=0), np.gradient(field, axis=1))


def rgb(colour: Canvas) -> tuple[float, float, float]:
    """Return a colour as OpenCV takes it."""
    red, green, blue = (float(value) for value in colour)
    return red, green, blue
