"""Results with recorded numbers, and tsn-bench in this process."""

from collections.abc import Callable, Sequence

import pytest

from tests.commands import Ended, runner
from tsn.benchmarks.throughput.cli import main
from tsn.benchmarks.throughput.results import (
    SCOPES,
    BundleInfo,
    Conditions,
    Environment,
    Input,
    Limit,
    Measurement,
    Media,
    NotRun,
    Percentiles,
    Results,
    Scope,
    StageTime,
    rate,
    ratio,
)

DIGEST = "0" * 64
EAGER = 2.0  # frames a second of every turn of the baseline


def recorded_cell(
    row: str, rates: Sequence[float], *, size: str = "480p", scope: Scope = "file", width: int = 854
) -> Measurement:
    """A cell of a turn at each of the given rates."""
    names = ("decode", "stylize", "encode") if scope == "file" else ("upload", "stylize", "download")
    median = sorted(rates)[len(rates) // 2]
    return Measurement(
        bundle="lite",
        row=row,
        size=size,
        width=width,
        height=width * 9 // 16,
        mode="frame-wise",
        scope=scope,
        frames=12,
        frames_per_second=rate(rates),
        frame_ms=Percentiles(mean=1000 / median, p50=1000 / median, p95=1200 / median, p99=1300 / median),
        stages={name: StageTime(mean=250 / median * (index + 1)) for index, name in enumerate(names)},
        accounted=0.97,
        ratio=ratio(rates, [EAGER] * len(rates)),
        baseline="eager",
        first_frame_seconds=1.25 if scope == "file" else None,
        peak_host_mb=321.0 if scope == "file" else None,
        limit_share=0.5,
        limited_by="compute",
    )


def recorded_results(*cells: Measurement, processor: str = "a processor", cores: int = 2) -> Results:
    """Results that hold these cells."""
    times = Percentiles(mean=4, p50=4, p95=5, p99=6)
    return Results(
        version="0.1.0",
        made_at="2026-01-01T00:00:00+00:00",
        command=("tsn-bench", "--quick"),
        environment=Environment(
            system="Linux x86_64",
            processor=processor,
            cores=cores,
            memory_mb=4096,
            load_average=0.1,
            gpu=None,
            versions={"python": "3.12.0"},
        ),
        conditions=Conditions(repeats=3, frames=12, turn_seconds=1, threads=None, quick=True),
        inputs=(
            Input(size="480p", width=854, height=480, frames=12, source="drawn", source_sha256=None, sha256=DIGEST),
        ),
        bundles=(BundleInfo(name="lite", architecture="lite", style="mosaic", networks={"stylize": DIGEST}),),
        limits=(Limit(device="cpu", precision="fp32", matmul_flops=1e11, copy_bytes=1e10),),
        media=(Media(part="decode", size="480p", frames_per_second=rate((250, 251, 249)), frame_ms=times),),
        measurements=cells,
        not_run=(NotRun(bundle="lite", row="tensorrt", reason="this machine has no NVIDIA driver"),),
    )


@pytest.fixture
def cell() -> Callable[..., Measurement]:
    """The function recorded_cell above."""
    return recorded_cell


@pytest.fixture
def results() -> Callable[..., Results]:
    """The function recorded_results above."""
    return recorded_results


@pytest.fixture
def example() -> Results:
    """Results of two rows at two sizes in both scopes."""
    return recorded_results(
        *(
            recorded_cell(row, [rate / slower for rate in rates], size=size, scope=scope, width=width)
            for size, width, slower in (("480p", 854, 1), ("720p", 1280, 2.25))
            for scope in SCOPES
            for row, rates in (("eager", (2.0, 2.1, 1.9)), ("onnxruntime-cpu", (4.1, 4.2, 3.9)))
        )
    )


@pytest.fixture
def bench(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run tsn-bench in this process with the given words."""
    return runner(capfd, main, "tsn-bench")
