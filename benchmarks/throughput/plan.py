"""The plan of one call of tsn-bench: bundles, sizes, rows and modes, and how long each is measured."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tsn.benchmarks.throughput.rows import Mode, Row, WeightFiles
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import InputError, UsageError
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every combination of bundle, size, row and mode is measured from file to file and on the networks alone."""

    bundles: tuple[Bundle, ...]
    sizes: tuple[NamedSize, ...]
    rows: tuple[Row, ...]
    rows_named: bool  # on the command line
    modes: tuple[Mode, ...]
    weights: tuple[WeightFiles, ...]
    source: Path | None  # a clip; None: one is drawn
    style: str | None  # None: the bundle's first
    frames: int  # at most, of a turn
    repeats: int  # turns of each row
    lengths: tuple[int, ...] = ()  # frames of turns from file to file that show what the length does
    turn_seconds: float  # what a turn aims at
    warm_up: int = 4  # frames before anything counts
    fewest: int = 4  # frames of a turn, however slow
    budget_seconds: float | None = None  # when it is used up, no further repeat begins
    threads: int | None
    quick: bool
    command: tuple[str, ...]

    def __post_init__(self) -> None:
        names = [bundle.manifest.name for bundle in self.bundles]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise UsageError(f"two bundles are called '{twice[0]}': their results could not be told apart")

    def style_of(self, manifest: Manifest) -> str:
        """Return the style to measure a bundle with. Raises UsageError: there is none; InputError: it is not there."""
        if self.style is not None:
            if self.style not in manifest.styles and not Path(self.style).is_file():
                raise InputError(
                    f"'{self.style}' is neither a style of the bundle '{manifest.name}' nor a picture file. "
                    f"Styles: {', '.join(manifest.styles) or 'none'}"
                )
            return self.style
        if not manifest.styles:
            raise UsageError(f"the bundle '{manifest.name}' holds no style. Give a picture: --style painting.jpg")
        return sorted(manifest.styles)[0]


def parse_sizes(text: str) -> list[NamedSize]:
    """Return the sizes that "480p,720p,1280x720,4k" names, without repetitions. Raises UsageError."""
    return [parse_size(name) for name in dict.fromkeys(part.strip().lower() for part in text.split(","))]


def parse_size(name: str) -> NamedSize:
    """Return the size that "480p" or "854x480" names; a number of lines is taken at 16:9, with even sides."""
    lines = LINES.get(name) or (int(name[:-1]) if name.endswith("p") and name[:-1].isdecimal() else None)
    if lines is None:
        if "x" not in name:
            raise UsageError(f"'{name}' is not a size. Give 480p, 4k or WIDTHxHEIGHT, with commas between")
        return NamedSize(name=name, size=Size.parse(name), lines=None)
    if not 16 <= lines <= MOST_LINES:
        raise UsageError(f"'{name}' is out of range: 16p to {MOST_LINES}p")
    return NamedSize(name=name, size=Size(even_length(lines * ASPECT), even_length(Fraction(lines))), lines=lines)


def even_length(length: Fraction) -> int:
    """Return the even number nearest to `length`: 4:2:0 video has no odd sides."""
    return max(2, round(length / 2) * 2)


def parse_lengths(text: str | None) -> tuple[int, ...]:
    """Return the numbers of frames that "12,48,192" names, in order. Raises UsageError."""
    words = [] if text is None else [word.strip() for word in text.split(",")]
    for word in words:
        if not word.isdecimal() or int(word) < 2:
            raise UsageError(f"'{word}' is no length. Give numbers of frames from 2 up, with commas between: 12,48,192")
    return tuple(sorted({int(word) for word in words}))
