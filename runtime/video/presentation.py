"""How a coded picture becomes the one that is shown: cropped, then turned or mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import av
import numpy as np

from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.video.described import TrackDescription
from tsn.runtime.video.side_data import side_data_of

_MATRIX: Final = "DISPLAYMATRIX"  # FFmpeg's: x' = a x + c y, y' = b x + d y, from a b u c d v x y w in 16.16
_CROP: Final = "frame cropping"  # FFmpeg's: pixels at the left, right, top and bottom, with slashes between


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """What is done to a coded picture, in this order; sides in pixels."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0
    transposed: bool = False  # mirrored about the diagonal from the upper left: rows become columns
    across: bool = False  # left and right change places
    down: bool = False  # top and bottom change places

    @property
    def crops(self) -> bool:
        """Whether something is cut away."""
        return any((self.left, self.right, self.top, self.bottom))

    @property
    def plain(self) -> bool:
        """Whether the coded picture is the one that is shown."""
        return not (self.crops or self.transposed or self.across or self.down)

    def cropped_size(self, coded: Size) -> Size:
        """Return the size that is left of a coded one."""
        return Size(coded.width - self.left - self.right, coded.height - self.top - self.bottom)

    def shown_size(self, coded: Size) -> Size:
        """Return the size of the picture that is shown."""
        return self.before_turning(self.cropped_size(coded))

    def before_turning(self, shown: Size) -> Size:
        """Return the size that a picture shown with that size has before it is turned, or the other way round."""
        return Size(shown.height, shown.width) if self.transposed else shown

    def shown_aspect(self, aspect: Fraction) -> Fraction:
        """Return the width of a shown pixel over its height, from that of a coded one."""
        return 1 / aspect if self.transposed else aspect

    def crop(self, rgb: RGB) -> RGB:
        """Return what is left of a coded picture."""
        height, width, _ = rgb.shape
        return rgb[self.top : height - self.bottom, self.left : width - self.right]

    def turn(self, rgb: RGB) -> RGB:
        """Return a cropped picture as it is shown."""
        turned = rgb.swapaxes(0, 1) if self.transposed else rgb
        turned = turned[:, ::-1] if self.across else turned
        return np.ascontiguousarray(turned[::-1] if self.down else turned)


PLAIN: Final = Presentation()


def presentation_of(frame: av.VideoFrame, track: TrackDescription) -> Presentation:
    """Return how the frames of a track are shown: cropped as its container says, turned as the first of them says.

    A turn by no multiple of 90 degrees becomes the nearest one.
    """
    left, right, top, bottom = map(int, track.side_data.get(_CROP, "0/0/0/0").split("/"))
    a, b, c, d = _matrix(frame)
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    return Presentation(
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        transposed=transposed,
        across=(c if transposed else a) < 0,
        down=(b if transposed else d) < 0,
    )


def _matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    found = dict(side_data_of(frame)).get(_MATRIX)
    values = np.frombuffer(found, np.int32) if found else np.eye(3, dtype=np.int32).ravel()
    return int(values[0]), int(values[1]), int(values[3]), int(values[4])
