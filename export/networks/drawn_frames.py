"""Frames that a network is compared on: drawn by code, so that every export compares the same ones."""

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.geometry import Size
from tsn.runtime.verification.drawn_frame import drawn_frame

# Even and odd, landscape and portrait, one with sides past a multiple of 8, one a multiple of 8.
SIZES = (Size(213, 120), Size(97, 161), Size(160, 96))


def drawn_frames(*, minimum_side: int) -> list[NDArray[np.uint8]]:
    """Drawn RGB frames uint8 (1, H, W, 3) of several sizes, and of the smallest that a network takes."""
    sizes = [Size(max(size.width, minimum_side), max(size.height, minimum_side)) for size in SIZES]
    every = (*sizes, Size(minimum_side, minimum_side))
    return [drawn_frame(size, seed=seed)[np.newaxis] for seed, size in enumerate(every)]
