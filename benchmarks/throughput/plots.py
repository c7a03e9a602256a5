"""report.png: bars of frames/s, stacked stage times, and how the rate falls with the size."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from tsn.benchmarks.throughput.report import SCOPES
from tsn.benchmarks.throughput.results import Measurement, Results

# Paul Tol's bright and muted schemes, without their greys: told apart in print and by the colour-blind.
SIZES = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
STAGES = {
    "decode": "#88CCEE",
    "upload": "#DDCC77",
    "stylize": "#332288",
    "flow": "#117733",
    "blend": "#44AA99",
    "download": "#999933",
    "encode": "#CC6677",
    "other": "#AA4499",
}
UNKNOWN_STAGE = "#661100"
MARKERS = "os^Dvp*X"
INK, FAINT = "#222222", "#DDDDDD"
BAR, GAP = 0.8, 0.35  # the height of a bar, and the space between groups; one bar to the next is 1


def draw_report(results: Results, path: Path) -> None:
    """Draw the cells of `results` into a PNG; a scope without cells leaves its column out."""
    scopes = [scope for scope in SCOPES if any(cell.scope == scope for cell in results.measurements)]
    if not scopes:
        figure = Figure(figsize=(7, 1.2))
        figure.text(0.05, 0.5, "no row could run: see report.md", color=INK)
    else:
        figure = _figure(results.measurements, scopes)
    FigureCanvasAgg(figure).print_png(path)


def _figure(cells: Sequence[Measurement], scopes: Sequence[str]) -> Figure:
    columns = [[cell for cell in cells if cell.scope == scope] for scope in scopes]
    most = max(len(column) for column in columns)
    panels: list[tuple[Callable[[Axes, Sequence[Measurement]], None], float]] = [
        (_rates, 0.9 + 0.30 * most),
        (_stages, 1.5 + 0.30 * most),
    ]
    if len({(cell.width, cell.height) for cell in cells}) > 1:
        panels.append((_growth, 4.0))
    heights = [height for _, height in panels]
    figure = Figure(figsize=(7.6 * len(scopes), sum(heights) + 0.4), dpi=110, layout="constrained")
    axes = figure.subplots(len(panels), len(scopes), squeeze=False, height_ratios=heights)
    for column, scope in enumerate(scopes):
        for line, (draw, _) in enumerate(panels):
            draw(axes[line][column], columns[column])
        axes[0][column].set_title(f"Frames a second, {SCOPES[scope]}", loc="left", color=INK, fontweight="bold")
    return figure


def _rates(axes: Axes, cells: Sequence[Measurement]) -> None:
    sizes = list(dict.fromkeys(cell.size for cell in cells))
    positions = _positions(cells)
    rates = [cell.frames_per_second for cell in cells]
    axes.barh(
        positions,
        [rate.median for rate in rates],
        height=BAR,
        color=[SIZES[sizes.index(cell.size) % len(SIZES)] for cell in cells],
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
    axes.set_title("Stages", loc="left", color=INK, fontweight="bold")
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


def _growth(axes: Axes, cells: Sequence[Measurement]) -> None:
    lines = list(dict.fromkeys((cell.bundle, cell.row, cell.mode) for cell in cells))
    for index, line in enumerate(lines):
        points = sorted(
            (cell.width * cell.height / 1e6, cell.frames_per_second.median)
            for cell in cells
            if (cell.bundle, cell.row, cell.mode) == line
        )
        axes.plot(
            [point[0] for point in points],
            [point[1] for point in points],
            marker=MARKERS[index % len(MARKERS)],
            color=SIZES[index % len(SIZES)],
            linewidth=2,
            label=_label(*line),
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = {cell.width * cell.height / 1e6: cell.size for cell in cells}
    axes.set_xticks(list(sizes), [f"{size}\n{pixels:.2g}" for pixels, size in sizes.items()])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(which="both", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel("size, and million pixels of a frame", fontsize=9)
    axes.set_ylabel("frames/s", fontsize=9)
    axes.set_title("Growth", loc="left", color=INK, fontweight="bold")
    axes.legend(frameon=False, fontsize=8)
    _plain(axes)


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
    labels = [f"{_label(cell.bundle, cell.row, cell.mode)}  {cell.size}" for cell in cells]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.set_ylim(max(positions) + 0.7, min(positions) - 0.7)
    axes.set_xlabel(label, fontsize=9)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    _plain(axes)


def _label(bundle: str, row: str, mode: str) -> str:
    return f"{bundle} {row}" if mode == "frame-wise" else f"{bundle} {row} {mode}"


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=8, colors=INK)
