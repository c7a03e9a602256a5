"""Sizes of frames, and the one rule for what sizes a network takes."""

import re
from dataclasses import dataclass
from typing import Self

from tsn.runtime.errors import UsageError


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height of a frame in pixels. Prints as 1920x1080."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The size that "1920x1080" names. Raises UsageError for anything else."""
        match = re.fullmatch(r"\s*([0-9]{1,5})\s*[xX×]\s*([0-9]{1,5})\s*", text)
        if match is None or not int(match[1]) or not int(match[2]):
            raise UsageError(f"'{text}' is not a size. Give WIDTHxHEIGHT in pixels, such as 1280x720")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """How many pixels a frame has."""
        return self.width * self.height

    def padded(self, multiple_of: int, *, minimum: int = 1) -> "Size":
        """The smallest size that holds this one, has no side under `minimum`, and sides divisible by `multiple_of`."""
        width, height = (-(-max(side, minimum) // multiple_of) * multiple_of for side in (self.width, self.height))
        return Size(width, height)

    def within(self, least: "Size", most: "Size") -> "Size":
        """The size nearest to this one whose sides lie between those of `least` and `most`."""
        return Size(min(max(self.width, least.width), most.width), min(max(self.height, least.height), most.height))

    def fitted(self, shorter_side: int, *, multiple_of: int = 1) -> "Size":
        """Return this size scaled, in proportion, until its shorter side is `shorter_side`.

        The longer one is rounded to a multiple: video encoders take even sides.
        """
        longer = max(self.width, self.height) * shorter_side / min(self.width, self.height)
        rounded = max(shorter_side, round(longer / multiple_of) * multiple_of)
        return Size(shorter_side, rounded) if self.width < self.height else Size(rounded, shorter_side)
