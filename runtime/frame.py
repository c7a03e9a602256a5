"""A frame: its pixels, in host memory, on a GPU or in both, and when it is shown."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Array, Tensor
from tsn.runtime.geometry import Size

RGB = NDArray[np.uint8]  # (height, width, 3)
Plane = NDArray[np.uint8]  # (height, width)


class FrameBuffer:
    """RGB, uint8 (height, width, 3), copied between host and device when somebody asks, and once. For several threads.

    Args:
        here: the frame in host memory, or uint8 (1, height, width, 3) on a device.
    """

    def __init__(self, here: RGB | Tensor) -> None:
        self._rgb: RGB | None = here if isinstance(here, np.ndarray) else None
        self._tensor: Tensor | None = None if isinstance(here, np.ndarray) else here
        height, width = here.shape[-3:-1]
        self.size = Size(width, height)
        self._copying = Lock()

    def rgb(self) -> RGB:
        """In host memory."""
        with self._copying:
            rgb = self._rgb
            if rgb is None:
                assert self._tensor is not None
                rgb = self._rgb = self._tensor.numpy()[0]
            return rgb

    def tensor(self, upload: Callable[[Array], Tensor]) -> Tensor:
        """Where `upload`, always that of one backend, brings them: uint8 (1, height, width, 3)."""
        with self._copying:
            if self._tensor is None:
                assert self._rgb is not None
                self._tensor = upload(self._rgb[None])
            return self._tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture and when it is shown."""

    pixels: FrameBuffer
    time: Fraction  # seconds from the start of the output
    duration: Fraction  # seconds until the next frame, as far as the file says
    luma: Plane | None = None  # of the content at the picture's size, where `pixels` are at a smaller working size

    @property
    def rgb(self) -> RGB:
        """The picture in host memory: uint8 (height, width, 3)."""
        return self.pixels.rgb()
