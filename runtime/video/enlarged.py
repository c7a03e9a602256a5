"""Styled frames of a working size to frames of the picture's size, in the encoder's own planes: no RGB in between."""

from typing import Any

import av
import cv2
import numpy as np

from tsn.runtime.enlarge import Planes, enlarged
from tsn.runtime.frame import RGB, Plane
from tsn.runtime.video.colour import LUMA_SHARES, Colour, write_plane

_CHROMA_STEPS = {"yuv420p": 2, "yuv444p": 1}  # pixels of luma for one of chroma, by the pixel format


class EnlargedVideo:
    """Carries styled frames up to the size of the content's luma, as frames of a pixel format."""

    def __init__(self, colour: Colour, pixel_format: str) -> None:
        self._colour, self._pixel_format = colour, pixel_format
        self._matrix = _from_rgb(colour)

    def __call__(self, styled: RGB, luma: Plane) -> av.VideoFrame:
        """Return a frame as large as `luma`, which is in the numbers of the same colour."""
        planes: Any = cv2.split(cv2.transform(styled, self._matrix))
        height, width = luma.shape
        frame = av.VideoFrame(width, height, self._pixel_format)
        full = enlarged(Planes(*planes), luma, chroma_step=_CHROMA_STEPS[self._pixel_format])
        for number, plane in enumerate(full):
            write_plane(frame, number, plane)
        frame.colorspace, frame.color_range = self._colour.matrix, self._colour.range
        return frame


def _from_rgb(colour: Colour) -> Any:
    """Return the matrix (3, 4) that makes luma and colour differences, in levels of 255, of (R, G, B, 1)."""
    red, blue = LUMA_SHARES[colour.matrix]
    luma, chroma, black = (1, 1, 0) if colour.full_range else (219 / 255, 224 / 255, 16)
    shares = np.array([red, 1 - red - blue, blue])
    from_blue = (np.array([0, 0, 1]) - shares) * (chroma / (2 * (1 - blue)))
    from_red = (np.array([1, 0, 0]) - shares) * (chroma / (2 * (1 - red)))
    rows = np.stack([shares * luma, from_blue, from_red])
    return np.concatenate([rows, [[black], [128], [128]]], axis=1).astype(np.float32)
