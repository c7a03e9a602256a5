"""How the cost grows: the rate against the size and the length of a video, the flow against its updates and scale."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from tsn.benchmarks.throughput.plot_style import FAINT, MARKERS, SERIES, heading, line_name, plain
from tsn.benchmarks.throughput.results import Results, Scope

Points = Mapping[str, Sequence[tuple[float, float]]]  # of each line, by its name


def growth_plots(results: Results, scope: Scope) -> list[Callable[[Axes], None]]:
    """What draws each plot of a scope; one without two points on the axis of growth is left out."""
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
    """Frames a second by million pixels of a frame."""
    return _gathered(
        (line_name(cell.bundle, cell.row, cell.mode), cell.width * cell.height / 1e6, cell.frames_per_second.median)
        for cell in results.measurements
        if cell.scope == scope
    )


def against_length(results: Results) -> Points:
    """Frames a second from file to file by the frames of the video."""
    return _gathered(
        (f"{line_name(cell.bundle, cell.row, cell.mode)} {cell.size}", cell.frames, cell.frames_per_second.median)
        for cell in results.by_length
    )


def flow_against_updates(results: Results) -> Points:
    """Milliseconds of the stage `flow` by the updates of the bundles' own flow; a line for each scale."""
    flows = {bundle.name: (bundle.flow_updates, bundle.flow_scale) for bundle in results.bundles}
    found: list[tuple[str, float, float]] = []
    for cell in results.measurements:
        updates, scale = flows.get(cell.bundle, (None, None))
        if cell.scope == "networks" and "flow" in cell.stages and updates is not None and scale is not None:
            found.append((f"scale {scale:g}, {cell.row} {cell.size}", updates, cell.stages["flow"].mean))
    return _gathered(found)


def _gathered(found: Iterable[tuple[str, float, float]]) -> Points:
    lines: dict[str, list[tuple[float, float]]] = {}
    for name, x, y in found:
        lines.setdefault(name, []).append((x, y))
    return {name: sorted(points) for name, points in lines.items()}


def _several(points: Points) -> bool:
    return len({x for line in points.values() for x, _ in line}) > 1


def _rate_against_pixels(axes: Axes, points: Points, names: Mapping[float, str]) -> None:
    _lines(axes, points)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(names), list(names.values()))
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    _dress(axes, "Growth with the size", "size, and million pixels of a frame", "frames/s")


def _rate_against_length(axes: Axes, points: Points) -> None:
    _lines(axes, points)
    axes.set_xscale("log")
    _whole_numbers(axes, points)
    axes.set_ylim(bottom=0)
    _dress(axes, "Growth with the length", "frames of the video", "frames/s")


def _flow_against_updates(axes: Axes, points: Points) -> None:
    _lines(axes, points)
    _whole_numbers(axes, points)
    axes.set_ylim(bottom=0)
    _dress(axes, "The flow alone", "updates of the flow", "ms for a frame: mean")


def _lines(axes: Axes, points: Points) -> None:
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


def _dress(axes: Axes, title: str, x: str, y: str) -> None:
    axes.grid(which="both", color=FAINT, linewidth=0.6)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.legend(frameon=False, fontsize=8)
    heading(axes, title)
    plain(axes)
