"""The cells of the table, computed from turns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tsn.benchmarks.throughput.process import Turn
from tsn.benchmarks.throughput.results import (
    Input,
    LengthRate,
    Limit,
    Measurement,
    Media,
    Percentiles,
    Rate,
    Scope,
    StageTime,
    percentiles,
    rate,
    ratio,
)
from tsn.benchmarks.throughput.rows import Row
from tsn.benchmarks.throughput.turns import Contender
from tsn.export.onnx.multiply_adds import OperationCount

Rates = Mapping[tuple[str, str, Scope], list[float]]  # by row, mode and scope: frames a second of each turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The measured and counted figures that the cells of a bundle at a size need, beside their turns."""

    bundle: str
    clip: Input
    operations: Mapping[str, OperationCount]  # by mode, where it can be counted
    limits: Sequence[Limit]
    media: Sequence[Media]


def measurements(contenders: Sequence[Contender], basis: Basis) -> list[Measurement]:
    """Return a cell for every contender and scope that ran all its turns."""
    rates: Rates = {
        (contender.row.name, contender.mode.name, scope): [turn.frames / turn.seconds for turn in turns]
        for contender in contenders
        for scope, turns in contender.turns.items()
    }
    return [_measurement(contender, scope, rates, basis) for contender in contenders for scope in contender.turns]


def length_rates(contenders: Sequence[Contender], basis: Basis) -> list[LengthRate]:
    """Return the rate of every contender at every length that it ran."""
    return [
        LengthRate(
            bundle=basis.bundle,
            row=contender.row.name,
            size=basis.clip.size,
            mode=contender.mode.name,
            frames=frames,
            frames_per_second=rate([turn.frames / turn.seconds for turn in turns]),
        )
        for contender in contenders
        for frames, turns in contender.by_length.items()
    ]


def _measurement(contender: Contender, scope: Scope, rates: Rates, basis: Basis) -> Measurement:
    row, turns, clip = contender.row, contender.turns[scope], basis.clip
    own = rates[row.name, contender.mode.name, scope]
    baseline = rates.get((row.baseline, contender.mode.name, scope))
    summary = rate(own)
    file = scope == "file"
    operations = basis.operations.get(contender.mode.name)
    share, limited_by = limit_share(summary.median, operations, row, basis.limits)
    return Measurement(
        bundle=basis.bundle,
        row=row.name,
        size=clip.size,
        width=clip.width,
        height=clip.height,
        mode=contender.mode.name,
        scope=scope,
        frames=turns[0].frames,
        frames_per_second=summary,
        pipelined_frames_per_second=_pipelined(turns),
        frame_ms=percentiles([time for turn in turns for time in turn.frame_ms]),
        stages=_stages(turns, single=file),
        accounted=_accounted(turns, overlapping=file),
        ratio=None if baseline is None else ratio(own, baseline),
        baseline=row.baseline,
        of_slowest_part=_of_slowest(summary.median, _pipelined(contender.turns.get("networks", ())), basis.media)
        if file
        else None,
        first_frame_seconds=contender.warm_up.first_frame_seconds if file else None,
        peak_host_mb=_largest([turn.peak_host_mb for turn in turns]) if file else None,
        peak_gpu_mb=_largest([turn.peak_gpu_mb for turn in turns]) if file else None,
        multiply_adds=None if operations is None else operations.multiply_adds,
        limit_share=share,
        limited_by=limited_by,
    )


def limit_share(
    frames_per_second: float, operations: OperationCount | None, row: Row, limits: Sequence[Limit]
) -> tuple[float, Literal["compute", "memory"]] | tuple[None, None]:
    """Return the share of the device's measured peak that a rate needs, in compute or memory, whichever is larger."""
    limit = next((each for each in limits if (each.device, each.precision) == (row.device, row.precision)), None)
    if operations is None or limit is None or not limit.matmul_flops or not limit.copy_bytes:
        return None, None
    value_bytes = 4 if row.precision == "fp32" else 2
    compute = frames_per_second * operations.multiply_adds * 2 / limit.matmul_flops
    memory = frames_per_second * operations.memory_values * value_bytes / limit.copy_bytes
    return (compute, "compute") if compute >= memory else (memory, "memory")


def _stages(turns: Sequence[Turn], *, single: bool) -> dict[str, StageTime]:
    stages: dict[str, StageTime] = {}
    for name in turns[0].stages_ms:
        values = [value for turn in turns for value in turn.stages_ms[name]]
        summary: Percentiles = percentiles(values)
        stages[name] = StageTime(mean=summary.mean) if single else StageTime(**summary.model_dump())
    return stages


def _accounted(turns: Sequence[Turn], *, overlapping: bool) -> float:
    """Return the share of the wall time in the stages; `stages_ms` of a file turn are means of a frame."""
    wall = sum(turn.seconds for turn in turns) * 1000
    if overlapping:
        busy = {name: sum(turn.stages_ms[name][0] * turn.frames for turn in turns) for name in turns[0].stages_ms}
        return max(busy.values()) / wall
    return sum(sum(times) for turn in turns for times in turn.stages_ms.values()) / wall


def _pipelined(turns: Sequence[Turn]) -> Rate | None:
    rates = [turn.frames / turn.pipelined_seconds for turn in turns if turn.pipelined_seconds]
    return rate(rates) if rates else None


def _of_slowest(file: float, networks: Rate | None, media: Sequence[Media]) -> float | None:
    if networks is None or len(media) < 2:
        return None
    return file / min(networks.median, *(part.frames_per_second.median for part in media))


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
