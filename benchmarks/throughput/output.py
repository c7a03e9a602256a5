"""The folder of a measurement: results.json, report.md, report.png."""

from pathlib import Path

from tsn.benchmarks.throughput.plots import draw_report
from tsn.benchmarks.throughput.report import PICTURE, markdown
from tsn.benchmarks.throughput.results import FILE, Results
from tsn.runtime.files import whole_folder


def write_output(folder: Path, results: Results, *, overwrite: bool) -> None:
    """Write the folder whole or not at all. Raises OutputError."""
    with whole_folder(folder, marker=FILE, overwrite=overwrite) as temporary:
        (temporary / FILE).write_text(results.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (temporary / "report.md").write_text(markdown(results), encoding="utf-8")
        draw_report(results, temporary / PICTURE)
