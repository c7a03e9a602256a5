"""The whole measurement: for each size a clip, for each bundle its rows in turns."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from tsn.benchmarks.throughput import modes
from tsn.benchmarks.throughput.clip import prepare_clip
from tsn.benchmarks.throughput.machine import environment
from tsn.benchmarks.throughput.media import decode_alone, encode_alone
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.results import (
    BundleInfo,
    Conditions,
    Input,
    LengthRate,
    Limit,
    Measurement,
    Media,
    NotRun,
    Results,
)  # fmt: skip
from tsn.benchmarks.throughput.spread import percentiles, rate
from tsn.benchmarks.throughput.summary import Setting, length_rates, measurements
from tsn.benchmarks.throughput.task import Request
from tsn.benchmarks.throughput.turns import Say, may_run, run_lanes
from tsn.benchmarks.throughput.workers import row_process
from tsn.export.onnx.multiply_adds import Work, count_work
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.errors import BundleError, InputError
from tsn.runtime.geometry import Size

MOST_BYTES = 1 << 28  # of decoded frames to hold while encoding is measured


def measure(plan: Plan, *, say: Say) -> Results:
    """Measure everything that `plan` asks for; `say` is called with a line for each step. Raises TsnError."""
    for bundle in plan.bundles:
        plan.style_of(bundle.manifest)
    where = environment()
    if where.load_average is not None and where.load_average > 0.5:
        say(f"the load average is {where.load_average}: other programs are running, the figures will be too low")
    started = time.monotonic()

    def left() -> float:
        return math.inf if plan.budget_seconds is None else plan.budget_seconds - (time.monotonic() - started)

    inputs: list[Input] = []
    media: list[Media] = []
    cells: list[Measurement] = []
    by_length: list[LengthRate] = []
    empty: list[NotRun] = []
    with TemporaryDirectory(prefix="tsn-bench-") as name:
        folder = Path(name)
        limits: list[Limit] = []
        for named in plan.sizes:
            say(f"preparing the clip of {named.name}")
            longest = max(plan.frames, *plan.lengths, 0)
            clip, described = prepare_clip(plan.source, named, frames=longest, folder=folder)
            if plan.lengths and described.frames < plan.lengths[-1]:
                raise InputError(f"{plan.source} has {described.frames} frames, --lengths asks for {plan.lengths[-1]}")
            inputs.append(described)
            limits = limits or measure_limits(plan, clip, folder, say=say)
            beside = _Media(plan, clip, described, folder)
            for bundle in plan.bundles:
                lanes, absent = run_lanes(
                    plan, bundle, named.name, clip, folder=folder, between=beside.turn, left=left, say=say
                )
                own = beside.results()
                setting = Setting(
                    bundle=bundle.manifest.name,
                    clip=described,
                    work=_work(plan, bundle, described),
                    limits=limits,
                    media=own,
                )
                cells += measurements(lanes, setting)
                by_length += length_rates(lanes, setting)
                empty += absent
            media += beside.results()
    return Results(
        version=metadata.version("temporalstylenet"),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        command=plan.command,
        environment=where,
        conditions=Conditions(
            repeats=plan.repeats,
            frames=plan.frames,
            turn_seconds=plan.turn_seconds,
            threads=plan.threads,
            quick=plan.quick,
        ),
        inputs=tuple(inputs),
        bundles=tuple(_described(plan, bundle) for bundle in plan.bundles),
        limits=tuple(limits),
        media=tuple(media),
        measurements=tuple(cells),
        by_length=tuple(by_length),
        not_run=tuple(merged(empty, sizes=len(plan.sizes), ways=len(plan.modes))),
    )


def measure_limits(plan: Plan, clip: Path, folder: Path, *, say: Say) -> list[Limit]:
    """What this machine's devices reach, in each precision that a row which may run computes in."""
    limits: dict[tuple[str, str], Limit] = {}
    for bundle in plan.bundles:
        for row in plan.rows:
            key = (row.device, row.precision)
            weights = may_run(plan, bundle, row, plan.modes[0])
            if key in limits or isinstance(weights, str):
                continue
            say(f"measuring the limit of {row.device} in {row.precision}")
            style = plan.style_of(bundle.manifest)
            with row_process(
                row,
                bundle=bundle.folder,
                weights=weights,
                style=style,
                threads=plan.threads,
                clip=clip,
                output=folder / "none.mp4",
            ) as process:
                turn = process.ask(Request(do="limit"))
            limits[key] = Limit(
                device=row.device,
                precision=row.precision,
                matmul_flops=turn.matmul_flops,
                copy_bytes=turn.copy_bytes,
            )
    return list(limits.values())


def merged(empty: Sequence[NotRun], *, sizes: int, ways: int) -> list[NotRun]:
    """Cells that stay empty for one reason at every size as one entry without a size; then the same over the modes."""
    for axis, every in (("size", sizes), ("mode", ways)):
        groups: dict[NotRun, list[NotRun]] = {}
        for entry in empty:
            groups.setdefault(entry.model_copy(update={axis: None}), []).append(entry)
        empty = [
            entry for general, entries in groups.items() for entry in ([general] if len(entries) == every else entries)
        ]
    return list(empty)


class _Media:
    """Decoding and encoding alone, measured between the turns of the rows."""

    def __init__(self, plan: Plan, clip: Path, described: Input, folder: Path) -> None:
        most = max(8, MOST_BYTES // (described.width * described.height * 3))
        self._frames = min(plan.frames, most)
        self._clip, self._output, self._threads = clip, folder / "encoded.mp4", plan.threads
        self._size = described.size
        self._turns: list[tuple[list[float], list[float]]] = []
        decode_alone(clip, frames=2)  # libraries load, the file comes into memory

    def turn(self) -> None:
        decode = decode_alone(self._clip, frames=self._frames)
        self._turns.append((decode, encode_alone(self._clip, self._output, frames=self._frames, threads=self._threads)))

    def results(self) -> list[Media]:
        found: list[Media] = []
        for index, part in enumerate(("decode", "encode")):
            turns = [turn[index] for turn in self._turns]
            if turns:
                rates = rate([len(times) * 1000 / sum(times) for times in turns])
                times = percentiles([time for turn in turns for time in turn])
                found.append(Media(part=part, size=self._size, frames_per_second=rates, frame_ms=times))
        return found


def _work(plan: Plan, bundle: Bundle, clip: Input) -> dict[str, Work]:
    """The work of a frame in each mode, as far as the graphs tell it."""
    found: dict[str, Work] = {}
    size = Size(clip.width, clip.height)
    for mode in plan.modes:
        if modes.absence(mode, bundle.manifest) is None:
            with suppress(BundleError):
                parts = [count_work(bundle.network(name), size) for name in modes.called(mode, bundle.manifest)]
                found[mode.name] = Work(
                    multiply_adds=sum(part.multiply_adds for part in parts),
                    memory_values=sum(part.memory_values for part in parts),
                )
    return found


def _described(plan: Plan, bundle: Bundle) -> BundleInfo:
    manifest = bundle.manifest
    flow = manifest.networks.get("flow")
    return BundleInfo(
        name=manifest.name,
        architecture=manifest.architecture,
        style=plan.style_of(manifest),
        networks={name: network.sha256 for name, network in manifest.networks.items()},
        flow_updates=flow.updates if flow else None,
        flow_scale=flow.scale if flow else None,
    )
