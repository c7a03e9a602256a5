"""The picture of a measurement: bars, stages and how the cost grows, and when there is nothing to draw."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from PIL import Image

from tsn.benchmarks.throughput.plots import (
    against_length,
    against_pixels,
    draw_report,
    flow_against_updates,
    growth_plots,
)
from tsn.benchmarks.throughput.results import BundleInfo, LengthRate, Results, StageTime, rate

Make = Callable[..., Any]


@pytest.fixture
def with_flows(cell: Make, results: Make) -> Callable[..., Results]:
    """Results of bundles whose flow has so many updates at such a scale and takes so many ms."""

    def make(*flows: tuple[int | None, float | None, float]) -> Results:
        cells, bundles = [], []
        for number, (updates, scale, milliseconds) in enumerate(flows):
            name = f"bundle {number}"
            measured = cell("onnxruntime-cpu", (2.0,), scope="networks")
            stages = {**measured.stages, "flow": StageTime(mean=milliseconds)}
            cells.append(measured.model_copy(update={"bundle": name, "mode": "temporal", "stages": stages}))
            bundles.append(
                BundleInfo(name=name, architecture="a", style="s", networks={}, flow_updates=updates, flow_scale=scale)
            )
        return results(*cells).model_copy(update={"bundles": tuple(bundles)})

    return make


def lengths(*frames: int) -> tuple[LengthRate, ...]:
    return tuple(
        LengthRate(
            bundle="lite", row="eager", size="480p", mode="temporal", frames=each, frames_per_second=rate((each / 10,))
        )
        for each in frames
    )


def test_the_flow_is_a_line_for_each_scale_over_its_updates(with_flows: Make) -> None:
    found = with_flows((12, 1.0, 90.0), (4, 1.0, 40.0), (4, 0.5, 10.0), (None, None, 5.0))
    assert flow_against_updates(found) == {
        "scale 1, onnxruntime-cpu 480p": [(4, 40.0), (12, 90.0)],
        "scale 0.5, onnxruntime-cpu 480p": [(4, 10.0)],
    }


def test_the_rate_over_the_length_is_a_line_for_each_row_and_size(results: Make) -> None:
    found = results().model_copy(update={"by_length": lengths(48, 12)})
    assert against_length(found) == {"lite eager temporal 480p": [(12, 1.2), (48, 4.8)]}


def test_the_rate_over_the_size_is_a_line_for_each_row(cell: Make, results: Make) -> None:
    found = results(cell("eager", (2.0,)), cell("eager", (1.0,), size="720p", width=1280))
    assert against_pixels(found, "file") == {"lite eager": [(854 * 480 / 1e6, 2.0), (1280 * 720 / 1e6, 1.0)]}


def test_one_point_is_no_growth(cell: Make, results: Make, with_flows: Make) -> None:
    one = results(cell("eager", (2.0,))).model_copy(update={"by_length": lengths(48)})
    assert growth_plots(one, "file") == []
    assert growth_plots(with_flows((12, 1.0, 90.0), (12, 0.5, 40.0)), "networks") == []


def test_each_growth_is_drawn_under_its_own_scope(cell: Make, results: Make, with_flows: Make) -> None:
    titles: list[str] = []
    sizes = results(cell("eager", (2.0,)), cell("eager", (1.0,), size="720p", width=1280))
    flows = with_flows((12, 1.0, 90.0), (4, 1.0, 40.0)).model_copy(update={"by_length": lengths(12, 48)})
    for found, scope in ((sizes, "file"), (flows, "file"), (flows, "networks")):
        for draw in growth_plots(found, scope):
            axes = Figure().subplots()
            draw(axes)
            titles.append(f"{axes.get_title(loc='left')}, {len(axes.lines)} line")
    assert titles == ["Growth with the size, 1 line", "Growth with the length, 1 line", "The flow alone, 1 line"]


def test_the_picture_shows_bars_stages_and_growth(example: Results, tmp_path: Path) -> None:
    draw_report(example, tmp_path / "both.png")
    with Image.open(tmp_path / "both.png") as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(1 << 20) or []}
        both = picture.size
    assert {(0x44, 0x77, 0xAA), (0x33, 0x22, 0x88), (0x88, 0xCC, 0xEE)} <= colours  # a size, stylize, decode
    one_size = example.model_copy(
        update={"measurements": tuple(cell for cell in example.measurements if cell.size == "480p")}
    )
    draw_report(one_size, tmp_path / "one.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.height < both[1]  # no growth to draw
