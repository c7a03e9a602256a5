"""The whole measurement: for each size a clip, for each bundle its rows in turns."""

import math
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from tsn.benchmarks.throughput.cells import Basis, length_rates, measurements
from tsn.benchmarks.throughput.clip import MediaAlone, prepare_clip
from tsn.benchmarks.throughput.machine import environment
from tsn.benchmarks.throughput.plan import Plan
from tsn.benchmarks.throughput.process import Request, row_process
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
from tsn.benchmarks.throughput.rows import mode_obstacle, networks_of_frame
from tsn.benchmarks.throughput.turns import Say, run_contenders, weights_or_obstacle
from tsn.export.onnx.multiply_adds import OperationCount, count_operations
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.errors import BundleError, InputError
from tsn.runtime.geometry import Size


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
            alone = MediaAlone(clip, described, frames=plan.frames, threads=plan.threads, folder=folder)
            for bundle in plan.bundles:
                contenders, absent = run_contenders(
                    plan, bundle, named.name, clip, folder=folder, between=alone.take_turn, left=left, say=say
                )
                basis = Basis(
                    bundle=bundle.manifest.name,
                    clip=described,
                    operations=_operations_by_mode(plan, bundle, described),
                    limits=limits,
                    media=alone.results(),
                )
                cells += measurements(contenders, basis)
                by_length += length_rates(contenders, basis)
                empty += absent
            media += alone.results()
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
    """Measure what this machine's devices reach, in the precision of each row that may run."""
    limits: dict[tuple[str, str], Limit] = {}
    for bundle in plan.bundles:
        for row in plan.rows:
            key = (row.device, row.precision)
            weights = weights_or_obstacle(plan, bundle, row, plan.modes[0])
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
    """Return the empty cells, those of one reason at every size as one without a size; then the same over the modes."""
    for axis, every in (("size", sizes), ("mode", ways)):
        groups: dict[NotRun, list[NotRun]] = {}
        for entry in empty:
            groups.setdefault(entry.model_copy(update={axis: None}), []).append(entry)
        empty = [
            entry for general, entries in groups.items() for entry in ([general] if len(entries) == every else entries)
        ]
    return list(empty)


def _operations_by_mode(plan: Plan, bundle: Bundle, clip: Input) -> dict[str, OperationCount]:
    """Count the operations of a frame in each mode, as far as the graphs tell it."""
    found: dict[str, OperationCount] = {}
    size = Size(clip.width, clip.height)
    for mode in plan.modes:
        if mode_obstacle(mode, bundle.manifest) is None:
            with suppress(BundleError):
                called = networks_of_frame(mode, bundle.manifest)
                parts = [count_operations(bundle.network(name), size) for name in called]
                found[mode.name] = OperationCount(
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
