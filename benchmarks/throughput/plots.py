"""report.png: bars of frames/s, stacked stage times, and how the cost grows with the size, the length and the flow."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from tsn.benchmarks.throughput.results import SCOPES, Measurement, Results, Scope

Points = Mapping[str, Sequence[tuple[float, float]]]  # of each line, by its name

BAR, GAP = 0.8, 0.35  # the height of a bar, and the space between groups; one bar to the next is 1
# Paul Tol's bright and muted schemes, without their greys: told apart in print and by the colour-blind.
SERIES = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
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


def draw_report(results: Results, path: Path) -> None:
    """Draw the cells of `results` into a PNG; a scope without cells leaves its column out."""
    scopes: list[Scope] = [scope for scope in SCOPES if any(cell.scope == scope for cell in results.measurements)]
    if not scopes:
        figure = Figure(figsize=(7, 1.2))
        figure.text(0.05, 0.5, "no row could run: see report.md", color=INK)
    else:
        figure = _figure(results, scopes)
    FigureCanvasAgg(figure).print_png(path)


def growth_plots(results: Results, scope: Scope) -> list[Callable[[Axes], None]]:
    """Return a function for each plot of a scope that draws it; without two points on its axis there is no plot."""
    plots: list[Callable[[Axes], None]] = []
    pixels = against_pixels(results, scope)
    if _several(pixels):
        names = {
            cell.width * cell.height / 1e6: f"{cell.size}\n{cell.width * cell.height / 1e6:.2g}"
            for cell in results.measurements
        }
        plots.append(lambda axes: _rate_against_pixels(axes, pixels, names))
    lengths = against_length(results) if scope == "file" else {}
    if _several(lengths):
        plots.append(lambda axes: _rate_against_length(axes, lengths))
    updates = flow_against_updates(results) if scope == "networks" else {}
    if _several(updates):
        plots.append(lambda axes: _flow_against_updates(axes, updates))
    return plots


def against_pixels(results: Results, scope: Scope) -> Points:
    """Return frames a second by million pixels of a frame."""
    return _gathered(
        (_line_name(cell.bundle, cell.row, cell.mode), cell.width * cell.height / 1e6, cell.frames_per_second.median)
        for cell in results.measurements
        if cell.scope == scope
    )


def against_length(results: Results) -> Points:
    """Return frames a second from file to file by the frames of the video."""
    return _gathered(
        (f"{_line_name(cell.bundle, cell.row, cell.mode)} {cell.size}", cell.frames, cell.frames_per_second.median)
        for cell in results.by_length
    )


def flow_against_updates(results: Results) -> Points:
    """Return milliseconds of the stage `flow` by the updates of the bundles' own flow; a line for each scale."""
    flows = {bundle.name: (bundle.flow_updates, bundle.flow_scale) for bundle in results.bundles}
    found: list[tuple[str, float, float]] = []
    for cell in results.measurements:
        updates, scale = flows.get(cell.bundle, (None, None))
        if cell.scope == "networks" and "flow" in cell.stages and updates is not None and scale is not None:
            found.append((f"scale {scale:g}, {cell.row} {cell.size}", updates, cell.stages["flow"].mean))
    return _gathered(found)


def _figure(results: Results, scopes: Sequence[Scope]) -> Figure:
    columns = [[cell for cell in results.measurements if cell.scope == scope] for scope in scopes]
    growth = [growth_plots(results, scope) for scope in scopes]
    most = max(len(column) for column in columns)
    heights = [0.9 + 0.30 * most, 1.5 + 0.30 * most, *[4.0] * max(len(plots) for plots in growth)]
    figure = Figure(figsize=(7.6 * len(scopes), sum(heights) + 0.4), dpi=110, layout="constrained")
    axes = figure.subplots(len(heights), len(scopes), squeeze=False, height_ratios=heights)
    for column, scope in enumerate(scopes):
        first, second, *rest = (line[column] for line in axes)
        _draw_rates(first, columns[column])
        _heading(first, f"Frames a second, {SCOPES[scope]}")
        _draw_stages(second, columns[column])
        for place, draw in zip_longest(rest, growth[column]):
            draw(place) if draw else place.set_axis_off()
    return figure


def _draw_rates(axes: Axes, cells: Sequence[Measurement]) -> None:
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
    _dress_bars(axes, cells, positions, "frames/s: median; the line spans the turns")
    axes.set_xlim(0, 1.35 * max(max(rate.turns) for rate in rates))


def _draw_stages(axes: Axes, cells: Sequence[Measurement]) -> None:
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
    _dress_bars(axes, cells, positions, f"ms for a frame: mean{overlap}")
    _heading(axes, "Stages")
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


def _dress_bars(axes: Axes, cells: Sequence[Measurement], positions: Sequence[float], label: str) -> None:
    labels = [f"{_line_name(cell.bundle, cell.row, cell.mode)}  {cell.size}" for cell in cells]
    axes.set_yticks(positions, labels, fontsize=8)
    axes.set_ylim(max(positions) + 0.7, min(positions) - 0.7)
    axes.set_xlabel(label, fontsize=9)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    _plain(axes)


def _gathered(found: Iterable[tuple[str, float, float]]) -> Points:
    lines: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in found:
        lines.setdefault(name, []).append((x, y))
    return {name: sorted(points) for name, points in lines.items()}


def _several(points: Points) -> bool:
    return len({x for line in points.values() for x, _ in line}) > 1


def _rate_against_pixels(axes: Axes, points: Points, names: Mapping[float, str]) -> None:
    _draw_lines(axes, points)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(names), list(names.values()))
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    _dress_lines(axes, "Growth with the size", "size, and million pixels of a frame", "frames/s")


def _rate_against_length(axes: Axes, points: Points) -> None:
    _draw_lines(axes, points)
    axes.set_xscale("log")
    _whole_numbers(axes, points)
    axes.set_ylim(bottom=0)
    _dress_lines(axes, "Growth with the length", "frames of the video", "frames/s")


def _flow_against_updates(axes: Axes, points: Points) -> None:
    _draw_lines(axes, points)
    _whole_numbers(axes, points)
    axes.set_ylim(bottom=0)
    _dress_lines(axes, "The flow alone", "updates of the flow", "ms for a frame: mean")


def _draw_lines(axes: Axes, points: Points) -> None:
    for index, (name, line) in enumerate(points.items()):
        axes.plot(
            [x for x, _ in line],
            [y for _, y in line],
            marker=MARKERS[index % len(MARKERS)],
            color=SERIES[index % len(SERIES)],
            linewidth=2,
            label=name,
        )


def _whole_numbers(axes: Axes, points: Points) -> None:
    """Ticks where something was measured."""
    ticks = sorted({x for line in points.values() for x, _ in line})
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)


def _dress_lines(axes: Axes, title: str, x: str, y: str) -> None:
    axes.grid(which="both", color=FAINT, linewidth=0.6)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    _heading(axes, title)
    _plain(axes)


def _line_name(bundle: str, row: str, mode: str) -> str:
    """Return the name of a row in a plot."""
    return f"{bundle} {row}" if mode == "frame-wise" else f"{bundle} {row} {mode}"


def _heading(axes: Axes, text: str) -> None:
    """Put a title over a plot."""
    axes.set_title(text, loc="left", color=INK, fontweight="bold")


def _plain(axes: Axes) -> None:
    """Take away what holds no figures."""
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=8, colors=INK)
