"""The schema of results.json. docs/reference/json.md describes it for its readers."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from tsn.runtime.bundle.manifest import refuse_newer
from tsn.runtime.errors import InputError

FORMAT = 1  # raised when older versions can no longer read the results
FILE_NAME = "results.json"

Scope = Literal["file", "networks"]  # from file to file, decode and encode inside; or the networks alone
SCOPES: Mapping[Scope, str] = {"file": "from file to file", "networks": "networks only"}  # for people


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rate(_Model):
    """Frames a second over repeated turns."""

    median: float
    spread: float  # standard deviation of the turns, as a share of the median
    turns: tuple[float, ...]


class Ratio(_Model):
    """Speed as a multiple of the baseline's, over pairs of turns that ran one after the other."""

    median: float
    low: float
    high: float


class Percentiles(_Model):
    """Times of one frame in ms."""

    mean: float
    p50: float
    p95: float
    p99: float


class StageTime(_Model):
    """Time of a stage in ms for a frame; the percentiles are null where only the total was measured."""

    mean: float
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class GpuInfo(_Model):
    """The first GPU as nvidia-smi states it."""

    name: str
    driver: str
    memory_mb: float
    sm_clock_mhz: float
    memory_clock_mhz: float


class Environment(_Model):
    """The machine and the libraries of a measurement."""

    system: str
    processor: str
    cores: int  # that this process may use
    memory_mb: float | None
    load_average: float | None  # runnable processes over the last minute, before the measurement: above 0.5, a warning
    gpu: GpuInfo | None
    versions: Mapping[str, str]  # python and the libraries that are installed


class Conditions(_Model):
    """The circumstances of a measurement."""

    repeats: int
    frames: int  # at most, of a turn
    turn_seconds: float  # what a turn aims at: slow rows run fewer frames
    threads: int | None  # null: one for each core
    quick: bool


class Input(_Model):
    """A clip that was measured on."""

    size: str
    width: int
    height: int
    frames: int
    source: str  # "drawn", or the name of the given file
    source_sha256: str | None
    sha256: str  # of the clip as measured


class BundleInfo(_Model):
    """A bundle that was measured."""

    name: str
    architecture: str
    style: str
    networks: Mapping[str, str]  # sha256 by name
    flow_updates: int | None = None  # how often its own flow is refined, where the manifest says so
    flow_scale: float | None = None  # of the frames that its own flow is computed on


class Limit(_Model):
    """The measured peak of a device on plain work: a matrix product and a copy."""

    device: str
    precision: str
    matmul_flops: float | None  # a second; a multiply-add counts as two
    copy_bytes: float | None  # a second, read and written


class Media(_Model):
    """Decoding or encoding a clip with nothing beside it."""

    part: Literal["decode", "encode"]
    size: str
    frames_per_second: Rate
    frame_ms: Percentiles


class Measurement(_Model):
    """One cell of the table."""

    bundle: str
    row: str
    size: str
    width: int
    height: int
    mode: str
    scope: Scope
    frames: int  # of each turn
    frames_per_second: Rate
    pipelined_frames_per_second: Rate | None = None  # networks: as the pipeline runs them, several at once
    frame_ms: Percentiles  # file: between two stylized frames; networks: upload to download
    stages: Mapping[str, StageTime]  # file: busy time, the stages overlap; networks: one after the other
    accounted: float  # share of the wall time in the stages: in their sum (networks), in the busiest (file)
    ratio: Ratio | None  # to the baseline, where that ran
    baseline: str
    of_slowest_part: float | None = None  # file: share of the rate that the slowest part reaches alone
    first_frame_seconds: float | None = None  # file: from the start of the process
    peak_host_mb: float | None = None  # file: of a process of its own
    peak_gpu_mb: float | None = None
    multiply_adds: int | None = None  # of a frame
    limit_share: float | None = None  # of the device's measured limit, see docs/notes/benchmarks.md
    limited_by: Literal["compute", "memory"] | None = None


class LengthRate(_Model):
    """From file to file, a video of so many frames."""

    bundle: str
    row: str
    size: str
    mode: str
    frames: int
    frames_per_second: Rate


class NotRun(_Model):
    """An empty cell of the table, and the reason."""

    bundle: str
    row: str
    reason: str
    size: str | None = None  # None: all
    mode: str | None = None
    scope: Scope | None = None


class Results(_Model):
    """Everything that one call of tsn-bench measured."""

    format: int = FORMAT
    version: str  # of temporalstylenet
    made_at: str  # UTC, ISO 8601
    command: tuple[str, ...]
    environment: Environment
    conditions: Conditions
    inputs: tuple[Input, ...]
    bundles: tuple[BundleInfo, ...]
    limits: tuple[Limit, ...]
    media: tuple[Media, ...]
    measurements: tuple[Measurement, ...]
    by_length: tuple[LengthRate, ...] = ()
    not_run: tuple[NotRun, ...]


def rate(turns: Sequence[float]) -> Rate:
    """Return the median of the rates of repeated turns, and their sample standard deviation as a share of it."""
    median = statistics.median(turns)
    spread = statistics.stdev(turns) / median if len(turns) > 1 and median else 0.0
    return Rate(median=median, spread=spread, turns=tuple(turns))


def ratio(turns: Sequence[float], baseline: Sequence[float]) -> Ratio:
    """Return how many times faster than the baseline, from pairs of turns that ran one after the other."""
    ratios = [own / base for own, base in zip(turns, baseline, strict=True)]
    return Ratio(median=statistics.median(ratios), low=min(ratios), high=max(ratios))


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """Return mean, p50, p95 and p99 of times in ms, interpolated linearly between neighbours."""
    p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, (50, 95, 99)))
    return Percentiles(mean=float(np.mean(milliseconds)), p50=p50, p95=p95, p99=p99)


def read_results(path: Path) -> Results:
    """Read a results.json. Raises InputError: missing, no results, or of a newer format."""
    try:
        text = path.read_text(encoding="utf-8")
        refuse_newer(text, path, newest=FORMAT, error=InputError)
        return Results.model_validate_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}). Give the {FILE_NAME} of an earlier tsn-bench") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InputError(f"{path} holds no results of tsn-bench: {where}: {first['msg']}") from error
