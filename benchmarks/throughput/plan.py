"""What one call of tsn-bench is to measure."""

from dataclasses import dataclass
from pathlib import Path

from tsn.benchmarks.throughput.modes import Mode
from tsn.benchmarks.throughput.rows import Row
from tsn.benchmarks.throughput.sizes import NamedSize
from tsn.benchmarks.throughput.weights import WeightFiles
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.manifest import Manifest
from tsn.runtime.errors import InputError, UsageError


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
    repeats: int
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
        """The style that a bundle is measured with. Raises UsageError: there is none; InputError: it is not there."""
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
