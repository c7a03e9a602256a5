"""A frame drawn by code: every machine compares networks on the same ones."""

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.geometry import Size


def drawn_frame(size: Size, *, seed: int) -> NDArray[np.uint8]:
    """An RGB frame uint8 (height, width, 3) with ramps, edges, texture, flat areas and pure black and white."""
    width, height = size.width, size.height
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    ramps = np.stack([x, y, 1 - x], axis=-1)
    waves = 0.5 + 0.5 * np.sin(2 * np.pi * np.stack([9 * x + 2 * y, 23 * y, 51 * x * y], axis=-1))
    picture = 0.5 * ramps + 0.35 * waves + 0.15 * random.random((height, width, 3))
    for _ in range(12):  # discs, for edges and flat areas
        centre, radius = random.random(2), random.uniform(0.02, 0.15)
        picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2] = random.random(3)
    picture[: height // 8, : width // 8] = 0
    picture[-(height // 8) :, -(width // 8) :] = 1
    return np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
