"""Rows taking turns: warm-up first, then each row once in every repeat, so that what disturbs one disturbs all."""

import math
import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tsn.benchmarks.throughput import modes, rows
from tsn.benchmarks.throughput.machine import has_nvidia_driver
from tsn.benchmarks.throughput.modes import Mode
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.results import NotRun, Scope
from tsn.benchmarks.throughput.rows import Row
from tsn.benchmarks.throughput.task import Request, Turn
from tsn.benchmarks.throughput.weights import WeightFiles, weights_of
from tsn.benchmarks.throughput.workers import RowProcess, row_process
from tsn.runtime.bundle.folder import Bundle

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Lane:
    """A row in a mode, its process, and what its turns took."""

    row: Row
    mode: Mode
    process: RowProcess
    warm_up: Turn
    turns: dict[Scope, list[Turn]] = field(default_factory=dict[Scope, list[Turn]])
    by_length: dict[int, list[Turn]] = field(default_factory=dict[int, list[Turn]])


def run_lanes(
    plan: Plan,
    bundle: Bundle,
    size: str,
    clip: Path,
    *,
    folder: Path,
    between: Callable[[], None],
    left: Callable[[], float],
    say: Say,
) -> tuple[list[Lane], list[NotRun]]:
    """All turns of a bundle at a size, and the cells that stay empty. Processes are ended on return.

    Args:
        between: called once in every repeat of the file turns, to measure what goes with them.
        left: the seconds that are left. When they are used up no further repeat begins, and what is slow to start and
            not ready is ended.
    """
    name = bundle.manifest.name
    lanes: list[Lane] = []
    empty: list[NotRun] = []
    with ExitStack() as stack:
        for row in sorted(plan.rows, key=lambda row: row.slow_start):  # what is not ready in time costs no other
            for mode in plan.modes:
                found = may_run(plan, bundle, row, mode)
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
                lanes.append(Lane(row=row, mode=mode, process=process, warm_up=turn))
        lanes.sort(key=lambda lane: plan.rows.index(lane.row))
        for scope in ("file", "networks"):
            _take_turns(plan, lanes, scope, name=name, size=size, empty=empty, between=between, left=left, say=say)
        _take_length_turns(plan, lanes, name=name, size=size, empty=empty, say=say)
    return lanes, empty


def may_run(plan: Plan, bundle: Bundle, row: Row, mode: Mode) -> WeightFiles | str | None:
    """Why a row cannot run, as far as can be told beforehand; or the weights it takes, None for a backend's row."""
    reason = rows.absence(row, quick=plan.quick, named=plan.rows_named, driver=has_nvidia_driver()) or modes.absence(
        mode, bundle.manifest
    )
    if reason is not None:
        return reason
    return None if row.torch is None else weights_of(bundle.manifest, plan.weights)


def frames_of_turn(plan: Plan, warm_up: Turn) -> int:
    """How many frames fill a turn at the pace of the warm-up's later frames."""
    times = warm_up.frame_ms
    paces = [statistics.mean(pair) for pair in pairwise(times)] or times  # two frames side by side come out at once
    pace = min(paces, default=1000.0)
    return max(min(plan.fewest, plan.frames), min(plan.frames, int(plan.turn_seconds * 1000 / max(pace, 1e-3))))


def rotated(lanes: Sequence[Lane], by: int) -> list[Lane]:
    """The lanes, another one first in every repeat."""
    start = by % len(lanes) if lanes else 0
    return [*lanes[start:], *lanes[:start]]


def _take_turns(
    plan: Plan, lanes: list[Lane], scope: Scope, *, name: str, size: str, empty: list[NotRun],
    between: Callable[[], None], left: Callable[[], float], say: Say,
) -> None:  # fmt: skip
    frames: dict[int, int] = {}
    running: list[Lane] = []

    def gone(lane: Lane, reason: str) -> None:
        empty.append(NotRun(bundle=name, row=lane.row.name, mode=lane.mode.name, size=size, scope=scope, reason=reason))

    for lane in lanes:
        warm_up = lane.warm_up
        if scope == "networks":
            warm_up = lane.process.ask(Request(do="networks", frames=plan.warm_up, mode=lane.mode.name))
        if warm_up.error is not None:
            gone(lane, warm_up.error)
            continue
        frames[id(lane)] = frames_of_turn(plan, warm_up)
        lane.turns[scope] = []
        running.append(lane)
    for repeat in range(plan.repeats):
        if repeat and left() <= 0:
            say(f"{name} {size} {scope}: the time is used up after {repeat} of {plan.repeats} repeats")
            return
        if scope == "file":
            between()
        for lane in rotated(running, repeat):
            if scope not in lane.turns:
                continue
            turn = lane.process.ask(Request(do=scope, frames=frames[id(lane)], mode=lane.mode.name))
            if turn.error is not None:
                del lane.turns[scope]
                gone(lane, turn.error)
                continue
            lane.turns[scope].append(turn)
            cell = f"{name} {size} {lane.row.name} {lane.mode.name} {scope}"
            say(f"{cell} {repeat + 1}/{plan.repeats}: {turn.frames / turn.seconds:.2f} frames/s")


def _take_length_turns(
    plan: Plan, lanes: Sequence[Lane], *, name: str, size: str, empty: list[NotRun], say: Say
) -> None:
    for repeat in range(plan.repeats if plan.lengths else 0):
        for lane in rotated([lane for lane in lanes if "file" in lane.turns], repeat):
            row, mode = lane.row.name, lane.mode.name
            for frames in plan.lengths:
                if repeat and frames not in lane.by_length:
                    continue
                turn = lane.process.ask(Request(do="file", frames=frames, mode=mode))
                if turn.error is not None:
                    lane.by_length.pop(frames, None)
                    reason = f"{frames} frames: {turn.error}"
                    empty.append(NotRun(bundle=name, row=row, mode=mode, size=size, scope="file", reason=reason))
                    continue
                lane.by_length.setdefault(frames, []).append(turn)
                say(f"{name} {size} {row} {mode} {frames} frames {repeat + 1}/{plan.repeats}: "
                    f"{turn.frames / turn.seconds:.2f} frames/s")  # fmt: skip
