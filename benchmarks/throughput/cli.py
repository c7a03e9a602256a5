"""tsn-bench: bundles in, rates out."""

import sys
from pathlib import Path

import click

from tsn.runtime.command.answer import answer_with
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.errors import RegressionError, UnavailableError, UsageError

SIZES, QUICK_SIZES = "480p,720p,1080p", "144p"
QUICK_SECONDS = 30.0  # after which --quick begins no further repeat: what has begun ends within the minute


@click.command(name="tsn-bench", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--bundle", "bundles", multiple=True, help="A bundle's folder or name; repeat.  [lite]")
@click.option("--sizes", metavar="480p,4k,WxH", help=f"[{SIZES}]")
@click.option("--rows", metavar="ROW,ROW", help="What to measure; see --list-rows.  [all]")
@click.option("--modes", metavar="MODE,MODE", help="frame-wise, temporal.  [both]")
@click.option("--checkpoint", "checkpoints", multiple=True, type=FILE, help="A bundle's weights, for PyTorch; repeat.")
@click.option("--encoder", type=FILE, help="A bundle's encoder, for PyTorch.")
@click.option("--decoder", type=FILE, help="A bundle's decoder, for PyTorch.")
@click.option("--input", "source", type=FILE, help="A clip to measure on.  [one is drawn]")
@click.option("--style", help="A style of the bundle, or a picture.  [the bundle's first]")
@click.option("--frames", type=click.IntRange(2), help="Frames of a turn, at most.  [48]")
@click.option("--lengths", metavar="N,N", help="Also turns of so many frames: does the rate depend on the length?")
@click.option("--repeats", type=click.IntRange(1), help="Turns of each row.  [5]")
@click.option("--turn-seconds", type=click.FloatRange(0.1), help="What a turn aims at, of a slow row.  [10]")
@click.option("--threads", type=click.IntRange(1), help="CPU threads.  [one for each core]")
@click.option("--quick", is_flag=True, help=f"Ends within a minute: {QUICK_SIZES}, up to 3 turns of 1 s.")
@click.option("--compare", type=FILE, metavar="OLD.json", help="End with exit code 1 if something became slower.")
@click.option("--tolerance", type=click.FloatRange(0, 1), help="The share of a rate that may be lost.  [0.1]")
@click.option("-o", "--output", type=FILE, help="Folder for results.json, report.md and report.png.")
@click.option("--overwrite", is_flag=True, help="Replace the folder if it is there.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option("--json", "as_json", is_flag=True, help="Print the results to stdout as one JSON document.")
@click.option("--list-rows", is_flag=True, help="List the rows and exit.")
@click.version_option(package_name="temporalstylenet")
def command(
    bundles: tuple[str, ...],
    sizes: str | None,
    rows: str | None,
    modes: str | None,
    checkpoints: tuple[Path, ...],
    encoder: Path | None,
    decoder: Path | None,
    source: Path | None,
    style: str | None,
    frames: int | None,
    lengths: str | None,
    repeats: int | None,
    turn_seconds: float | None,
    threads: int | None,
    quick: bool,
    compare: Path | None,
    tolerance: float | None,
    output: Path | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    list_rows: bool,
) -> None:
    """Measure bundles from file to file and their networks alone, in every way that runs here, side by side.

    \b
    tsn-bench --bundle lite --sizes 480p,720p -o benchmarks/results/mine/
    tsn-bench --bundle starry/ --encoder vgg.pth --decoder decoder.pth --rows eager,onnxruntime-cpu
    tsn-bench --quick --compare benchmarks/results/mine/results.json

    Exit codes: 0 done, 1 something became slower (--compare), 2 wrong options, 3 no row runs here, 4 an input cannot be
    used, 5 the output cannot be written, 6 a bundle cannot be used.
    """
    try:  # after the options: an error in those should not take the time of these imports
        from tsn.benchmarks.throughput import compare as comparing
        from tsn.benchmarks.throughput.machine import environment
        from tsn.benchmarks.throughput.measure import measure
        from tsn.benchmarks.throughput.plan import Plan, parse_lengths, parse_sizes
        from tsn.benchmarks.throughput.report import reasons, tables, write_folder
        from tsn.benchmarks.throughput.results import read_results
        from tsn.benchmarks.throughput.rows import ROWS, choose_modes, choose_rows, given_weights
        from tsn.runtime.bundle.folder import open_bundle
        from tsn.runtime.files import refuse_unwritable
    except ModuleNotFoundError as error:
        from tsn.runtime.extras import not_installed

        raise not_installed(error, extra="bench") from error
    if list_rows:
        for row in ROWS.values():
            click.echo(f"{row.name}: {row.title}")
        return
    if tolerance is not None and compare is None:
        raise UsageError("--tolerance belongs to --compare OLD.json")
    plan = Plan(
        bundles=tuple(open_bundle(place) for place in bundles or ("lite",)),
        sizes=tuple(parse_sizes(sizes or (QUICK_SIZES if quick else SIZES))),
        rows=tuple(choose_rows(rows)),
        rows_named=rows is not None,
        modes=tuple(choose_modes(modes)),
        weights=tuple(given_weights(checkpoints=checkpoints, encoder=encoder, decoder=decoder)),
        source=source,
        style=style,
        frames=frames or (12 if quick else 48),
        lengths=parse_lengths(lengths),
        repeats=repeats or (3 if quick else 5),
        turn_seconds=turn_seconds or (1.0 if quick else 10.0),
        warm_up=2 if quick else 4,
        fewest=2 if quick else 4,
        budget_seconds=QUICK_SECONDS if quick else None,
        threads=threads,
        quick=quick,
        command=("tsn-bench", *sys.argv[1:]),
    )
    old = None if compare is None else read_results(compare)
    if old is not None:
        comparing.refuse_other_machine(old.environment, environment())
    if output is not None:
        refuse_unwritable(output, overwrite=overwrite)
    results = measure(plan, say=lambda line: None if quiet else click.echo(line, err=True))
    if output is not None:
        write_folder(output, results, overwrite=overwrite)
    if as_json:
        answer_with(results.model_dump(mode="json"))
    else:
        click.echo("\n\n".join(tables(results)))
        for line in reasons(results):
            click.echo(line)
    if not results.measurements:
        raise UnavailableError("no row could run here; the reasons are listed above")
    if old is not None:
        comparison = comparing.compare(old, results, tolerance=comparing.TOLERANCE if tolerance is None else tolerance)
        for line in comparison.lines():
            click.echo(line, err=True)
        if comparison.slower:
            raise RegressionError(
                f"{len(comparison.slower)} of {len(comparison.changes)} cells are slower than in {compare}: see above"
            )


def main() -> None:
    """Run the command tsn-bench."""
    run_command(command)
