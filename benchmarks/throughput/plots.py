"""report.png: bars of frames/s, stacked stage times, and how the cost grows."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tsn.benchmarks.throughput.growth_plots import growth_plots
from tsn.benchmarks.throughput.plot_style import FAINT, INK, SERIES, STAGES, UNKNOWN_STAGE, heading, line_name, plain
from tsn.benchmarks.throughput.report import SCOPES
from tsn.benchmarks.throughput.results import Measurement, Results, Scope

BAR, GAP = 0.8, 0.35  # the height of a bar, and the space between groups; one bar to the next is 1


def draw_report(results: Results, path: Path) -> None:
    """Draw the cells of `results` into a PNG; a scope without cells leaves its column out."""
    scopes: list[Scope] = [scope for scope in SCOPES if any(cell.scope == scope for cell in results.measurements)]
    if not scopes:
        figure = Figure(figsize=(7, 1.2))
        figure.text(0.05, 0.5, "no row could run: see report.md", color=INK)
    else:
        figure = _figure(results, scopes)
    FigureCanvasAgg(figure).print_png(path)


def _figure(results: Results, scopes: Sequence[Scope]) -> Figure:
    columns = [[cell for cell in results.measurements if cell.scope == scope] for scope in scopes]
    growth = [growth_plots(results, scope) for scope in scopes]
    most = max(len(column) for column in columns)
    heights = [0.9 + 0.30 * most, 1.5 + 0.30 * most, *[4.0] * max(len(plots) for plots in growth)]
    figure = Figure(figsize=(7.6 * len(scopes), sum(heights) + 0.4), dpi=110, layout="constrained")
    axes = figure.subplots(len(heights), len(scopes), squeeze=False, height_ratios=heights)
    for column, scope in enumerate(scopes):
        first, second, *rest = (line[column] for line in axes)
        _rates(first, columns[column])
        heading(first, f"Frames a second, {SCOPES[scope]}")
        _stages(second, columns[column])
        for place, draw in zip_longest(rest, growth[column]):
            draw(place) if draw else place.set_axis_off()
    return figure


def _rates(axes: Axes, cells: Sequence[Measurement]) -> None:
    sizes = list(dict.fromkeys(cell.size for cell in cells))
    positions = _positions(cells)
    rates = [cell.frames_per_second for cell in cells]
    axes.barh(
        positions,
        [rate.median for rate in rates],
        height=BAR,
        color=[SERIES[sizes.index(cell.size) % len(SERIES)] for cell in cells],
        xerr=[
            [rate.median - min(rate.turns) for rate in rates],
            [max(rate.turns) - rate.median for rate in rates],
        ],
        error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2},
    )
    for cell, position in zip(cells, positions, strict=True):
        ratio = (
            "" if cell.ratio is None or cell.row == cell.baseline else f"  ({cell.ratio.median:.2f}x {cell.baseline})"
        )
        axes.annotate(
            f"{cell.frames_per_second.median:.3g}{ratio}",
            (max(cell.frames_per_second.turns), position),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
        )
    _dress(axes, cells, positions, "frames/s: median; the line spans the turns")
    axes.set_xlim(0, 1.35 * max(max(rate.turns) for rate in rates))


def _stages(axes: Axes, cells: Sequence[Measurement]) -> None:
    positions = _positions(cells)
    names = list(dict.fromkeys(name for cell in cells for name in cell.stages))
    names.sort(key=lambda name: list(STAGES).index(name) if name in STAGES else len(STAGES))
    for name in names:
        spans: list[tuple[float, float, float]] = []
        for cell, position in zip(cells, positions, strict=True):
            if name in cell.stages:
                before = sum(cell.stages[other].mean for other in names[: names.index(name)] if other in cell.stages)
                spans.append((position, before, cell.stages[name].mean))
        axes.barh(
            [span[0] for span in spans],
            [span[2] for span in spans],
            left=[span[1] for span in spans],
            height=BAR,
            color=STAGES.get(name, UNKNOWN_STAGE),
            edgecolor="white",
            linewidth=0.8,
            label=name,
        )
    overlap = "; the stages overlap" if cells[0].scope == "file" else ""
    _dress(axes, cells, positions, f"ms for a frame: mean{overlap}")
    heading(axes, "Stages")
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.01, 0.98),
        ncols=len(names),
        frameon=False,
        fontsize=8,
        handlelength=1.2,
        handletextpad=0.4,
        columnspacing=0.9,
    )


def _positions(cells: Sequence[Measurement]) -> list[float]:
    """Where the bars stand, from the top: a gap wherever bundle or size changes."""
    positions: list[float] = []
    at, group = 0.0, None
    for cell in cells:
        key = (cell.bundle, cell.size)
        at += 1 + (GAP if group not in (None, key) else 0)
        positions.append(at)
        group = key
    return positions


def _dress(axes: Axes, cells: Sequence[Measurement], positions: Sequence[float], label: str) -> None:
    labels = [f"{line_name(cell.bundle, cell.row, cell.mode)}  {cell.size}" for cell in cells]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.set_ylim(max(positions) + 0.7, min(positions) - 0.7)
    axes.set_xlabel(label, fontsize=9)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    plain(axes)
