"""The folder of a measurement, and the tables in it: results.json, report.md for people, report.png."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tsn.benchmarks.throughput.plots import draw_report
from tsn.benchmarks.throughput.results import FILE_NAME, SCOPES, Measurement, NotRun, Results, Scope, StageTime
from tsn.benchmarks.throughput.rows import ROWS
from tsn.runtime.files import whole_folder

PICTURE = "report.png"


def write_folder(folder: Path, results: Results, *, overwrite: bool) -> None:
    """Write the folder whole or not at all. Raises OutputError."""
    with whole_folder(folder, marker=FILE_NAME, overwrite=overwrite) as temporary:
        (temporary / FILE_NAME).write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (temporary / "report.md").write_text(markdown(results), encoding="utf-8")
        draw_report(results, temporary / PICTURE)


def markdown(results: Results) -> str:
    """Return the report as Markdown. `report.png` is expected beside it."""
    parts = [
        "# tsn-bench",
        "    " + " ".join(results.command),
        _environment(results),
        f"![frames a second, stage times and growth]({PICTURE})",
        *tables(results),
        _stages(results),
        _by_length(results),
        _media(results),
        _not_run(results.not_run),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def tables(results: Results) -> list[str]:
    """Return a table of rates for each scope, each under a heading."""
    return [part for scope in SCOPES for part in _rates(results, scope)]


def reasons(results: Results) -> list[str]:
    """Return a line for each cell that stayed empty: which, and why."""
    return [
        "not run: "
        + " ".join(part for part in (one.bundle, one.row, one.size, one.mode, one.scope) if part is not None)
        + f": {one.reason}"
        for one in results.not_run
    ]


def _rates(results: Results, scope: Scope) -> list[str]:
    cells = [cell for cell in results.measurements if cell.scope == scope]
    if not cells:
        return []
    file = scope == "file"
    head = ["bundle", "size", "row", "mode", "frames/s", "spread", "x eager", "p50", "p95", "p99 ms", "of the limit"]
    head += ["of the slowest part", "first frame", "host MB", "GPU MB"] if file else ["accounted", "pipelined"]
    lines = [_rate_line(cell, file=file) for cell in cells]
    return [f"## Frames a second, {SCOPES[scope]}", _table(head, lines)]


def _rate_line(cell: Measurement, *, file: bool) -> list[str]:
    ratio = cell.ratio
    limit = "-" if cell.limit_share is None else f"{cell.limit_share:.0%} {cell.limited_by}"
    line = [
        cell.bundle,
        cell.size,
        cell.row,
        cell.mode,
        f"{cell.frames_per_second.median:.2f}",
        f"{cell.frames_per_second.spread:.1%}",
        "-" if ratio is None else f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})",
        *(f"{value:.1f}" for value in (cell.frame_ms.p50, cell.frame_ms.p95, cell.frame_ms.p99)),
        limit,
    ]
    if not file:
        pipelined = cell.pipelined_frames_per_second
        return [*line, f"{cell.accounted:.1%}", "-" if pipelined is None else f"{pipelined.median:.2f}"]
    first = "-" if cell.first_frame_seconds is None else f"{cell.first_frame_seconds:.2f} s"
    return [*line, _or_dash(cell.of_slowest_part, ".2f"), first, *(
        _or_dash(value, ".0f") for value in (cell.peak_host_mb, cell.peak_gpu_mb)
    )]  # fmt: skip


def _environment(results: Results) -> str:
    where, how = results.environment, results.conditions
    gpu = "no GPU"
    if where.gpu is not None:
        gpu = (
            f"{where.gpu.name}, driver {where.gpu.driver}, {where.gpu.memory_mb:.0f} MB, clocks "
            f"{where.gpu.sm_clock_mhz:.0f} and {where.gpu.memory_clock_mhz:.0f} MHz"
        )
    lines = [
        f"- {results.made_at}, temporalstylenet {results.version}",
        f"- {where.processor}, {where.cores} cores, {_or_dash(where.memory_mb, '.0f')} MB; {gpu}; {where.system}",
        f"- load average before: {_or_dash(where.load_average, '.2f')}",
        f"- {', '.join(f'{name} {version}' for name, version in where.versions.items())}",
        f"- median of {how.repeats} turns of at most {how.frames} frames, about {how.turn_seconds:g} s each, after a "
        f"warm-up; threads: {how.threads or 'one for each core'}",
        *(
            f"- bundle {each.name} ({each.architecture}), style {each.style}"
            + (f", flow of {each.flow_updates} updates at scale {each.flow_scale:g}" if each.flow_scale else "")
            for each in results.bundles
        ),
        *(
            f"- limit of {each.device} in {each.precision}: {_or_dash(each.matmul_flops, '.3g')} FLOP/s, "
            f"{_or_dash(each.copy_bytes, '.3g')} B/s"
            for each in results.limits
        ),
        *(
            f"- {each.size} is {each.width}x{each.height}, {each.frames} frames, {each.source}, "
            f"sha256 {each.sha256[:12]}…"
            for each in results.inputs
        ),
    ]
    return "\n".join(lines)


def _stages(results: Results) -> str:
    lines = [
        [cell.bundle, cell.size, cell.row, cell.mode, cell.scope, name, *_times(stage)]
        for cell in results.measurements
        for name, stage in cell.stages.items()
    ]
    if not lines:
        return ""
    head = ["bundle", "size", "row", "mode", "scope", "stage", "mean ms", "p50", "p95", "p99"]
    return "## Stages\n\n" + _table(head, lines)


def _times(stage: StageTime) -> list[str]:
    return [_or_dash(value, ".2f") for value in (stage.mean, stage.p50, stage.p95, stage.p99)]


def _by_length(results: Results) -> str:
    lines = [
        [
            cell.bundle,
            cell.size,
            cell.row,
            cell.mode,
            str(cell.frames),
            f"{cell.frames_per_second.median:.2f}",
            f"{cell.frames_per_second.spread:.1%}",
        ]
        for cell in results.by_length
    ]
    head = ["bundle", "size", "row", "mode", "frames", "frames/s", "spread"]
    return f"## Against the length, {SCOPES['file']}\n\n" + _table(head, lines) if lines else ""


def _media(results: Results) -> str:
    lines = [
        [
            part.size,
            part.part,
            f"{part.frames_per_second.median:.1f}",
            *(f"{value:.2f}" for value in (part.frame_ms.p50, part.frame_ms.p95, part.frame_ms.p99)),
        ]
        for part in results.media
    ]
    head = ["size", "part", "frames/s", "p50 ms", "p95", "p99"]
    return "## Decoding and encoding alone\n\n" + _table(head, lines) if lines else ""


def _not_run(entries: Sequence[NotRun]) -> str:
    if not entries:
        return ""
    head = ["bundle", "row", "size", "mode", "scope", "why not"]
    lines = [
        [
            entry.bundle,
            f"{entry.row} ({ROWS[entry.row].title})" if entry.row in ROWS else entry.row,
            entry.size or "all",
            entry.mode or "all",
            entry.scope or "all",
            entry.reason.replace("|", "\\|"),
        ]
        for entry in entries
    ]
    return "## Not run\n\n" + _table(head, lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
