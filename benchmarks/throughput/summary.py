"""From turns to the cells of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tsn.benchmarks.throughput.results import (
    Input,
    LengthRate,
    Limit,
    Measurement,
    Media,
    Percentiles,
    Rate,
    Ratio,
    Scope,
    StageTime,
)  # fmt: skip
from tsn.benchmarks.throughput.rows import Row
from tsn.benchmarks.throughput.spread import percentiles, rate, ratio
from tsn.benchmarks.throughput.task import Turn
from tsn.benchmarks.throughput.turns import Lane
from tsn.export.onnx.multiply_adds import Work

Rates = Mapping[tuple[str, str, Scope], list[float]]  # by row, mode and scope: frames a second of each turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the lanes of a bundle at a size have in common."""

    bundle: str
    clip: Input
    work: Mapping[str, Work]  # by mode, where it can be counted
    limits: Sequence[Limit]
    media: Sequence[Media]


def measurements(lanes: Sequence[Lane], setting: Setting) -> list[Measurement]:
    """A cell for every lane and scope that ran all its turns."""
    rates: Rates = {
        (lane.row.name, lane.mode.name, scope): [turn.frames / turn.seconds for turn in turns]
        for lane in lanes
        for scope, turns in lane.turns.items()
    }
    return [_measurement(lane, scope, rates, setting) for lane in lanes for scope in lane.turns]


def length_rates(lanes: Sequence[Lane], setting: Setting) -> list[LengthRate]:
    """The rate of every lane at every length that it ran."""
    return [
        LengthRate(
            bundle=setting.bundle,
            row=lane.row.name,
            size=setting.clip.size,
            mode=lane.mode.name,
            frames=frames,
            frames_per_second=rate([turn.frames / turn.seconds for turn in turns]),
        )
        for lane in lanes
        for frames, turns in lane.by_length.items()
    ]


def _measurement(lane: Lane, scope: Scope, rates: Rates, setting: Setting) -> Measurement:
    row, turns, clip = lane.row, lane.turns[scope], setting.clip
    own = rates[row.name, lane.mode.name, scope]
    summary = rate(own)
    file = scope == "file"
    work = setting.work.get(lane.mode.name)
    share, limited_by = limit_share(summary.median, work, row, setting.limits)
    return Measurement(
        bundle=setting.bundle,
        row=row.name,
        size=clip.size,
        width=clip.width,
        height=clip.height,
        mode=lane.mode.name,
        scope=scope,
        frames=turns[0].frames,
        frames_per_second=summary,
        pipelined_frames_per_second=_pipelined(turns),
        frame_ms=percentiles([time for turn in turns for time in turn.frame_ms]),
        stages=_stages(turns, single=file),
        accounted=_accounted(turns, overlapping=file),
        ratio=_ratio(own, rates.get((row.baseline, lane.mode.name, scope))),
        baseline=row.baseline,
        of_slowest_part=_of_slowest(summary.median, _pipelined(lane.turns.get("networks", ())), setting.media)
        if file
        else None,
        first_frame_seconds=lane.warm_up.first_frame_seconds if file else None,
        peak_host_mb=_largest([turn.peak_host_mb for turn in turns]) if file else None,
        peak_gpu_mb=_largest([turn.peak_gpu_mb for turn in turns]) if file else None,
        multiply_adds=None if work is None else work.multiply_adds,
        limit_share=share,
        limited_by=limited_by,
    )


def limit_share(
    frames_per_second: float, work: Work | None, row: Row, limits: Sequence[Limit]
) -> tuple[float, Literal["compute", "memory"]] | tuple[None, None]:
    """The share of the device's measured peak that a rate needs, in compute or in memory, whichever is larger."""
    limit = next((each for each in limits if (each.device, each.precision) == (row.device, row.precision)), None)
    if work is None or limit is None or not limit.matmul_flops or not limit.copy_bytes:
        return None, None
    value_bytes = 4 if row.precision == "fp32" else 2
    compute = frames_per_second * work.multiply_adds * 2 / limit.matmul_flops
    memory = frames_per_second * work.memory_values * value_bytes / limit.copy_bytes
    return (compute, "compute") if compute >= memory else (memory, "memory")


def _stages(turns: Sequence[Turn], *, single: bool) -> dict[str, StageTime]:
    stages: dict[str, StageTime] = {}
    for name in turns[0].stages_ms:
        values = [value for turn in turns for value in turn.stages_ms[name]]
        summary: Percentiles = percentiles(values)
        stages[name] = StageTime(mean=summary.mean) if single else StageTime(**summary.model_dump())
    return stages


def _accounted(turns: Sequence[Turn], *, overlapping: bool) -> float:
    """The share of the wall time in the stages; `stages_ms` of a file turn are means of a frame."""
    wall = sum(turn.seconds for turn in turns) * 1000
    if overlapping:
        busy = {name: sum(turn.stages_ms[name][0] * turn.frames for turn in turns) for name in turns[0].stages_ms}
        return max(busy.values()) / wall
    return sum(sum(times) for turn in turns for times in turn.stages_ms.values()) / wall


def _ratio(own: Sequence[float], baseline: Sequence[float] | None) -> Ratio | None:
    return None if baseline is None else ratio(own, baseline)


def _pipelined(turns: Sequence[Turn]) -> Rate | None:
    rates = [turn.frames / turn.pipelined_seconds for turn in turns if turn.pipelined_seconds]
    return rate(rates) if rates else None


def _of_slowest(file: float, networks: Rate | None, media: Sequence[Media]) -> float | None:
    if networks is None or len(media) < 2:
        return None
    return file / min(networks.median, *(part.frames_per_second.median for part in media))


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
