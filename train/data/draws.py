"""Random choices for a sample, made from nothing but the seed and its number."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Streams of random numbers that share a seed and must not share their values.
ORDER, CONTENT, STYLE, POOL, CLIP_ORDER, CLIP, FITTING = range(7)


@lru_cache(maxsize=4)  # 118,287 photos take a millisecond
def order(seed: int, epoch: int, count: int, *, stream: int = ORDER) -> NDArray[np.int64]:
    """Return the order in which an epoch takes its photos or, with another stream, its clips."""
    return np.random.default_rng((seed, stream, epoch)).permutation(count)


def crop(picture: NDArray[np.uint8], size: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Cut a part (size, size, C) out of a picture (H, W, C)."""
    top, left = (int(random.integers(side - size + 1)) for side in picture.shape[:2])
    return picture[top : top + size, left : left + size]
