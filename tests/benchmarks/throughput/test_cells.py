"""The cells of the table, from recorded turns."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tsn.benchmarks.throughput.cells import Basis, length_rates, limit_share, measurements
from tsn.benchmarks.throughput.process import Turn
from tsn.benchmarks.throughput.results import Input, Limit, Measurement, Media, percentiles, rate, ratio
from tsn.benchmarks.throughput.rows import MODES, ROWS
from tsn.benchmarks.throughput.turns import Contender
from tsn.export.onnx.multiply_adds import OperationCount

CLIP = Input(size="a", width=10, height=10, frames=4, source="drawn", source_sha256=None, sha256="0" * 64)
BASIS = Basis(
    bundle="b",
    clip=CLIP,
    operations={"frame-wise": OperationCount(multiply_adds=10**9, memory_values=10**6)},
    limits=[
        Limit(device="cpu", precision="fp32", matmul_flops=1e11, copy_bytes=1e10),
        Limit(device="cpu", precision="bf16", matmul_flops=2e11, copy_bytes=1e10),
    ],
    media=[],
)


def contender(row: str, seconds: tuple[float, ...]) -> Contender:
    """A row whose turns of 4 frames take so long."""
    alone = [
        Turn(
            frames=4,
            seconds=each,
            frame_ms=(each * 250,) * 4,
            stages_ms={"upload": (each * 10,) * 4, "stylize": (each * 200,) * 4, "download": (each * 30,) * 4},
            pipelined_seconds=each * 0.8,
        )
        for each in seconds
    ]
    file = [
        Turn(
            frames=4,
            seconds=each,
            frame_ms=(each * 250,) * 3,
            stages_ms={"decode": (each * 20,), "stylize": (each * 225,), "encode": (each * 100,)},
            peak_host_mb=300 + each,
        )
        for each in seconds
    ]
    nobody: Any = SimpleNamespace()
    return Contender(
        row=ROWS[row],
        mode=MODES["frame-wise"],
        process=nobody,
        warm_up=Turn(first_frame_seconds=1.5),
        turns={"file": file, "networks": alone},
    )


def cells(*contenders: Contender) -> dict[tuple[str, str], Measurement]:
    return {(cell.row, cell.scope): cell for cell in measurements(contenders, BASIS)}


def test_the_ratio_is_to_the_eager_row_of_the_same_run() -> None:
    found = cells(contender("eager", (4.0, 8.0, 4.0)), contender("onnxruntime-cpu", (2.0, 2.0, 4.0)))
    assert found["onnxruntime-cpu", "networks"].ratio == ratio((2.0, 2.0, 1.0), (1.0, 0.5, 1.0))
    assert found["onnxruntime-cpu", "networks"].frames_per_second.median == 2.0
    assert cells(contender("onnxruntime-cpu", (2.0,)))["onnxruntime-cpu", "file"].ratio is None


def test_stage_times_account_for_the_wall_time() -> None:
    found = cells(contender("eager", (1.0, 2.0)))
    assert found["eager", "networks"].accounted == pytest.approx(0.96)  # 4 frames x (10 + 200 + 30) ms of each second
    assert found["eager", "file"].accounted == pytest.approx(0.9)  # the busiest stage: 4 x 225 ms


def test_memory_and_the_first_frame_belong_to_the_way_from_file_to_file() -> None:
    found = cells(contender("eager", (1.0, 2.0)))
    assert (found["eager", "file"].peak_host_mb, found["eager", "file"].first_frame_seconds) == (302.0, 1.5)
    assert found["eager", "networks"].peak_host_mb is None


def test_the_share_of_the_slowest_part_is_that_of_its_own_rate() -> None:
    times = percentiles([1.0])
    media = [
        Media(part="decode", size="a", frames_per_second=rate((100.0,)), frame_ms=times),
        Media(part="encode", size="a", frames_per_second=rate((2.0,)), frame_ms=times),
    ]
    found = measurements([contender("eager", (4.0,))], replace(BASIS, media=media))
    file, alone = found
    assert alone.pipelined_frames_per_second == rate((1.25,))  # what the pipeline reaches without files
    assert file.of_slowest_part == pytest.approx(1.0 / 1.25)
    assert file.pipelined_frames_per_second is None
    found = measurements([contender("eager", (1.0,))], replace(BASIS, media=media))
    assert next(cell for cell in found if cell.scope == "file").of_slowest_part == pytest.approx(2.0)


def test_the_share_of_the_limit_is_that_of_the_scarcer_resource() -> None:
    operations, limits = BASIS.operations["frame-wise"], BASIS.limits
    assert limit_share(10, operations, ROWS["eager"], limits) == (pytest.approx(0.2), "compute")
    assert limit_share(10, operations, ROWS["eager-amp"], limits) == (pytest.approx(0.1), "compute")
    heavy = OperationCount(multiply_adds=10**6, memory_values=10**8)
    assert limit_share(10, heavy, ROWS["eager"], limits) == (pytest.approx(0.4), "memory")
    assert limit_share(10, heavy, ROWS["eager-amp"], limits) == (pytest.approx(0.2), "memory")  # half the bytes
    assert limit_share(10, operations, ROWS["tensorrt"], limits) == (None, None)
    assert limit_share(10, None, ROWS["eager"], limits) == (None, None)


def test_a_rate_at_each_length_is_that_of_its_own_turns() -> None:
    measured = contender("eager", (1.0,))
    measured.by_length = {
        2: [Turn(frames=2, seconds=each) for each in (1.0, 2.0, 4.0)],
        8: [Turn(frames=8, seconds=2.0)],
    }
    found = length_rates([measured], BASIS)
    assert [(cell.frames, cell.frames_per_second.median) for cell in found] == [(2, 1.0), (8, 4.0)]
    assert found[0].frames_per_second.turns == (2.0, 1.0, 0.5)
