"""Two measurements compared: a cell is slower when it lost more than the noise of the two."""

import math
from dataclasses import dataclass

from tsn.benchmarks.throughput.results import Environment, Measurement, Results
from tsn.runtime.errors import UsageError

TOLERANCE = 0.10  # a rate may fall by this share: what a machine varies by from one day to the next
SPREADS = 3  # and by this many pooled spreads: what the turns of the two measurements vary by


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A cell that both measurements have."""

    cell: str
    before: float  # frames a second, median of the turns
    after: float
    noise: float  # a share of `before`

    @property
    def loss(self) -> float:
        """Return the share of the rate that is gone; below 0 where it grew."""
        return 1 - self.after / self.before

    @property
    def slower(self) -> bool:
        """Return whether the loss is more than the noise."""
        return self.loss > self.noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two measurements, cell by cell; cells by their names where only one measurement has them."""

    changes: tuple[Change, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def slower(self) -> list[Change]:
        """Return the changes that are slower, the worst first."""
        return sorted((change for change in self.changes if change.slower), key=lambda change: -change.loss)

    def lines(self) -> list[str]:
        """Return the comparison for people."""
        found = [
            f"slower: {change.cell}: {change.before:.2f} -> {change.after:.2f} frames/s "
            f"(-{change.loss:.1%}, noise {change.noise:.1%})"
            for change in self.slower
        ]
        found += [f"no longer measured: {cell}" for cell in self.gone]
        return [*found, f"{len(self.changes)} cells compared, {len(self.slower)} slower, {len(self.new)} new"]


def compare(old: Results, new: Results, *, tolerance: float = TOLERANCE) -> Comparison:
    """Compare frames/s: slower is a median that fell by more than max(tolerance, SPREADS x pooled spread).

    Raises UsageError where the two have no cell in common.
    """
    before = {cell_name(cell): cell for cell in old.measurements}
    after = {cell_name(cell): cell for cell in new.measurements}
    common = [name for name in before if name in after]
    if not common:
        raise UsageError("the two measurements have no cell in common: same bundles, rows and sizes are needed")
    return Comparison(
        changes=tuple(_change(name, before[name], after[name], tolerance) for name in common),
        gone=tuple(name for name in before if name not in after),
        new=tuple(name for name in after if name not in before),
    )


def refuse_other_machine(old: Environment, here: Environment) -> None:
    """Raise UsageError where results come from another machine: their difference says nothing about the program."""
    theirs, ours = ((where.processor, where.cores, where.gpu.name if where.gpu else "no GPU") for where in (old, here))
    if theirs != ours:
        was, now = (", ".join(map(str, where)) for where in (theirs, ours))
        raise UsageError(
            f"the earlier results were measured on another machine ({was}; this is {now}). Measure both on one machine"
        )


def cell_name(cell: Measurement) -> str:
    """Return the name by which a cell of one measurement is found in another."""
    return f"{cell.bundle} {cell.size} {cell.row} {cell.mode} {cell.scope}"


def pooled(first: float, second: float) -> float:
    """Return the spread that two measurements have together: the root of their mean square."""
    return math.sqrt((first**2 + second**2) / 2)


def _change(name: str, before: Measurement, after: Measurement, tolerance: float) -> Change:
    old, new = before.frames_per_second, after.frames_per_second
    noise = max(tolerance, SPREADS * pooled(old.spread, new.spread))
    return Change(cell=name, before=old.median, after=new.median, noise=noise)
