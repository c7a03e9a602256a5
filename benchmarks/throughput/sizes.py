"""Sizes by the names that people use."""

from dataclasses import dataclass
from fractions import Fraction

from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size

ASPECT = Fraction(16, 9)  # of drawn clips
LINES = {"4k": 2160, "8k": 4320}
MOST_LINES = 4320


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSize:
    """A size and what it was called: "480p", "1280x720"."""

    name: str
    size: Size
    lines: int | None  # where only the shorter side was given: a clip keeps its proportions then


def parse_sizes(text: str) -> list[NamedSize]:
    """The sizes that "480p,720p,1280x720,4k" names, without repetitions. Raises UsageError."""
    return [parse_size(name) for name in dict.fromkeys(part.strip().lower() for part in text.split(","))]


def parse_size(name: str) -> NamedSize:
    """The size that "480p" or "854x480" names; a number of lines alone is taken at 16:9, with even sides."""
    lines = LINES.get(name) or (int(name[:-1]) if name.endswith("p") and name[:-1].isdecimal() else None)
    if lines is None:
        if "x" not in name:
            raise UsageError(f"'{name}' is not a size. Give 480p, 4k or WIDTHxHEIGHT, with commas between")
        return NamedSize(name=name, size=Size.parse(name), lines=None)
    if not 16 <= lines <= MOST_LINES:
        raise UsageError(f"'{name}' is out of range: 16p to {MOST_LINES}p")
    return NamedSize(name=name, size=Size(even(lines * ASPECT), even(Fraction(lines))), lines=lines)


def even(length: Fraction) -> int:
    """The even number nearest to `length`: 4:2:0 video has no odd sides."""
    return max(2, round(length / 2) * 2)
