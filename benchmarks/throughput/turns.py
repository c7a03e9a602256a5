"""Contenders take turns: warm-up first, then each one once in every repeat, so that what disturbs one disturbs all."""

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tsn.benchmarks.throughput.machine import has_nvidia_driver
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.process import Request, RowProcess, Turn, row_process
from tsn.benchmarks.throughput.results import NotRun, Scope
from tsn.benchmarks.throughput.rows import Mode, Row, WeightFiles, mode_obstacle, row_obstacle, weights_of
from tsn.runtime.bundle.folder import Bundle

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Contender:
    """A row in a mode, its process, and what its turns took."""

    row: Row
    mode: Mode
    process: RowProcess
    warm_up: Turn
    turns: dict[Scope, list[Turn]] = field(default_factory=dict[Scope, list[Turn]])
    by_length: dict[int, list[Turn]] = field(default_factory=dict[int, list[Turn]])


def run_contenders(
    plan: Plan,
    bundle: Bundle,
    size: str,
    clip: Path,
    *,
    folder: Path,
    between: Callable[[], None],
    left: Callable[[], float],
    say: Say,
) -> tuple[list[Contender], list[NotRun]]:
    """Take all turns of a bundle at a size; return them, and the cells that stay empty. No process is left behind.

    Args:
        between: called once in every repeat of the file turns, to measure what goes with them.
        left: the seconds that are left. When they are used up no further repeat begins, and what is slow to start and
            not ready is ended.
    """
    name = bundle.manifest.name
    contenders: list[Contender] = []
    empty: list[NotRun] = []
    with ExitStack() as stack:
        for row in sorted(plan.rows, key=lambda row: row.slow_start):  # what is not ready in time costs no other
            for mode in plan.modes:
                found = weights_or_obstacle(plan, bundle, row, mode)
                if row.slow_start and left() <= 0 and not isinstance(found, str):
                    found = "no time was left to start it: leave --quick out"
                if isinstance(found, str):
                    empty.append(NotRun(bundle=name, row=row.name, mode=mode.name, size=size, reason=found))
                    continue
                say(f"{name} {size} {row.name} {mode.name}: starting")
                process = stack.enter_context(
                    row_process(
                        row,
                        bundle=bundle.folder,
                        weights=found,
                        style=plan.style_of(bundle.manifest),
                        threads=plan.threads,
                        clip=clip,
                        output=folder / f"{row.name}-{mode.name}.mp4",
                    )
                )
                seconds = left() if row.slow_start else math.inf
                turn = process.ask(Request(do="file", frames=plan.warm_up, mode=mode.name), seconds=seconds)
                if turn.error is not None:
                    empty.append(NotRun(bundle=name, row=row.name, mode=mode.name, size=size, reason=turn.error))
                    process.close()
                    continue
                contenders.append(Contender(row=row, mode=mode, process=process, warm_up=turn))
        contenders.sort(key=lambda contender: plan.rows.index(contender.row))
        for scope in ("file", "networks"):
            _take_turns(plan, contenders, scope, name=name, size=size, empty=empty, between=between, left=left, say=say)
        _take_length_turns(plan, contenders, name=name, size=size, empty=empty, say=say)
    return contenders, empty


def weights_or_obstacle(plan: Plan, bundle: Bundle, row: Row, mode: Mode) -> WeightFiles | str | None:
    """Return the weights that a row takes, None for a backend's row; or why it cannot run, as far as is known yet."""
    obstacle = row_obstacle(row, quick=plan.quick, named=plan.rows_named, driver=has_nvidia_driver())
    if (obstacle := obstacle or mode_obstacle(mode, bundle.manifest)) is not None:
        return obstacle
    return None if row.torch is None else weights_of(bundle.manifest, plan.weights)


def frames_of_turn(plan: Plan, warm_up: Turn) -> int:
    """Return how many frames fill a turn at the pace of the warm-up's later frames."""
    times = warm_up.frame_ms
    paces = [statistics.mean(pair) for pair in pairwise(times)] or times  # two frames side by side come out at once
    pace = min(paces, default=1000.0)
    return max(min(plan.fewest, plan.frames), min(plan.frames, int(plan.turn_seconds * 1000 / max(pace, 1e-3))))


def rotated(contenders: Sequence[Contender], by: int) -> list[Contender]:
    """Return the contenders, another one first in every repeat."""
    start = by % len(contenders) if contenders else 0
    return [*contenders[start:], *contenders[:start]]


def _take_turns(
    plan: Plan, contenders: list[Contender], scope: Scope, *, name: str, size: str, empty: list[NotRun],
    between: Callable[[], None], left: Callable[[], float], say: Say,
) -> None:  # fmt: skip
    frames: dict[int, int] = {}
    running: list[Contender] = []

    def gone(contender: Contender, reason: str) -> None:
        empty.append(
            NotRun(bundle=name, row=contender.row.name, mode=contender.mode.name, size=size, scope=scope, reason=reason)
        )

    for contender in contenders:
        warm_up = contender.warm_up
        if scope == "networks":
            warm_up = contender.process.ask(Request(do="networks", frames=plan.warm_up, mode=contender.mode.name))
        if warm_up.error is not None:
            gone(contender, warm_up.error)
            continue
        frames[id(contender)] = frames_of_turn(plan, warm_up)
        contender.turns[scope] = []
        running.append(contender)
    for repeat in range(plan.repeats):
        if repeat and left() <= 0:
            say(f"{name} {size} {scope}: the time is used up after {repeat} of {plan.repeats} repeats")
            return
        if scope == "file":
            between()
        for contender in rotated(running, repeat):
            if scope not in contender.turns:
                continue
            turn = contender.process.ask(Request(do=scope, frames=frames[id(contender)], mode=contender.mode.name))
            if turn.error is not None:
                del contender.turns[scope]
                gone(contender, turn.error)
                continue
            contender.turns[scope].append(turn)
            cell = f"{name} {size} {contender.row.name} {contender.mode.name} {scope}"
            say(f"{cell} {repeat + 1}/{plan.repeats}: {turn.frames / turn.seconds:.2f} frames/s")


def _take_length_turns(
    plan: Plan, contenders: Sequence[Contender], *, name: str, size: str, empty: list[NotRun], say: Say
) -> None:
    for repeat in range(plan.repeats if plan.lengths else 0):
        for contender in rotated([contender for contender in contenders if "file" in contender.turns], repeat):
            row, mode = contender.row.name, contender.mode.name
            for frames in plan.lengths:
                if repeat and frames not in contender.by_length:
                    continue
                turn = contender.process.ask(Request(do="file", frames=frames, mode=mode))
                if turn.error is not None:
                    contender.by_length.pop(frames, None)
                    reason = f"{frames} frames: {turn.error}"
                    empty.append(NotRun(bundle=name, row=row, mode=mode, size=size, scope="file", reason=reason))
                    continue
                contender.by_length.setdefault(frames, []).append(turn)
                say(f"{name} {size} {row} {mode} {frames} frames {repeat + 1}/{plan.repeats}: "
                    f"{turn.frames / turn.seconds:.2f} frames/s")  # fmt: skip
