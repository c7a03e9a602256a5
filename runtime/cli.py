"""tsn-run and tsn-doctor: options in, exit code out."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tsn.runtime.command.answer import answer_with
from tsn.runtime.command.run import FILE, FilePath, run_command
from tsn.runtime.errors import IncompleteError, TsnError, UnavailableError
from tsn.runtime.threads import MOST_THREADS

if TYPE_CHECKING:
    from tsn.runtime.report import Report


_LONGEST = 10_000_000  # seconds: a hundred days and more is a slip of the keyboard
_LONGEST_TEXT = 40  # characters of a time


class Seconds(click.ParamType[Fraction]):
    """A time: seconds, or minutes and hours before colons."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        if isinstance(value, Fraction):
            return value
        try:
            total = Fraction(0)
            if len(str(value)) > _LONGEST_TEXT or "e" in str(value).lower():  # 1e99999999 takes minutes to write out
                raise ValueError(value)
            for part in str(value).split(":"):
                total = total * 60 + Fraction(part)
            if total > _LONGEST:
                raise ValueError(total)
        except (ValueError, ZeroDivisionError):
            self.fail(f"'{value}' is no time. Give seconds (12.5) or minutes and seconds (1:30)", param, ctx)
        return total


@click.command(name="tsn-run", context_settings={"help_option_names": ["-h", "--help"], "allow_extra_args": True})
@click.argument("bundle", metavar="BUNDLE", required=False)
@click.argument("input_path", metavar="INPUT", required=False, type=FILE)
@click.option("-o", "--output", type=FilePath(), help="File or folder to write; folder/ is made. [beside INPUT]")
@click.option(
    "-s", "--style", "styles", multiple=True, metavar="NAME|FILE[:WEIGHT]", help="A style; repeat for a weighted mix."
)
@click.option(
    "--alpha",
    type=float,
    default=1.0,
    show_default=True,
    help="0 is the content as the network redraws it, 1 the full style.",
)
@click.option("--preserve-color", is_flag=True, help="Keep the colours of the content.")
@click.option("--temporal/--no-temporal", default=None, help="Hold each frame to the last. [if the bundle has flow]")
@click.option("--flow", type=click.Choice(["dis", "raft"]), help="How motion is found. [raft; dis without one]")
@click.option("--temporal-strength", type=float, default=1.0, show_default=True, help="0 is off, 1 most stable.")
@click.option("--strokes", type=float, default=1.0, show_default=True, help="Size of the strokes: 0.5 fine, 4 bold.")
@click.option(
    "--work-size", metavar="LINESp|native", default="540p", show_default=True, help="Stylize at so many lines."
)
@click.option(
    "--style-size", type=click.IntRange(min=1), metavar="PIXELS", help="Reduce a style picture. [512 x strokes]"
)
@click.option("--size", metavar="WxH|HEIGHTp", help="Scale the frames first: 1280x720, or 720p in proportion.")
@click.option("--start", type=Seconds(), help="Skip what lies before this time.")
@click.option("--duration", type=Seconds(), help="Stop after this much time.")
@click.option("--max-frames", type=click.IntRange(min=1), metavar="N", help="Stop after N frames.")
@click.option("--codec", type=click.Choice(["h264", "hevc", "av1", "vp9"]), help="[h264; vp9 in .webm]")
@click.option("--quality", type=click.IntRange(0, 100), default=75, show_default=True, help="0 is small, 100 is best.")
@click.option("--decoder", type=click.Choice(["auto", "nvdec", "cpu"]), default="auto", help="[auto: NVDEC if it can]")
@click.option("--deinterlace", type=click.Choice(["auto", "off"]), default="auto", help="[auto: interlaced videos]")
@click.option("--encoder", type=click.Choice(["auto", "nvenc", "cpu"]), default="auto", help="[auto: NVENC if it can]")
@click.option("--backend", help="See --list-backends. [that of the engine that BUNDLE names, or cpu]")
@click.option("--threads", type=click.IntRange(1, MOST_THREADS), metavar="N", help="CPU threads. [one for each core]")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes.")
@click.option("--list-styles", is_flag=True, help="List the styles of BUNDLE and exit.")
@click.option("--list-backends", is_flag=True, help="List the backends, say which load here, and exit.")
@click.version_option(package_name="temporalstylenet")
def tsn_run(
    *,
    bundle: str | None,
    input_path: Path | None,
    output: str | None,
    styles: tuple[str, ...],
    size: str | None,
    work_size: str,
    backend: str | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
    list_styles: bool,
    list_backends: bool,
    **options: Any,
) -> None:
    """Stylize INPUT, a video, a picture or a folder of pictures, with BUNDLE: a folder that tsn-export wrote, a file in
    it, or the name of a shipped one.

    \b
    tsn-run lite in.mp4 --style mosaic
    tsn-run bundle/ in.mp4 --style a.jpg:0.7 --style b.jpg:0.3 -o out.mp4
    tsn-run lite --list-styles

    Exit codes: 0 done, 2 wrong options, 3 a library or device is missing, 4 an input cannot be used, 5 the output
    cannot be written, 6 the bundle cannot be used, 7 done but the input was damaged, 8 an engine is too far from its
    network, 130 Ctrl-C, 143 SIGTERM.
    """
    if list_backends:
        _list_backends(as_json=as_json)
        return
    if not bundle:
        raise click.UsageError("give a BUNDLE and an INPUT, as in: tsn-run lite in.mp4 --style NAME")
    if list_styles:
        _list_styles(bundle, as_json=as_json)
        return
    # What follows loads numpy, PyAV and the inference library: not needed for --help.
    from tsn.runtime.command.arguments import check_arguments
    from tsn.runtime.command.frame_size import parse_frame_size, parse_work_size
    from tsn.runtime.command.progress import frame_progress
    from tsn.runtime.settings import Settings
    from tsn.runtime.style import StyleChoice
    from tsn.runtime.transfer import VideoStyleTransfer

    words = [bundle, *([] if input_path is None else [str(input_path)]), *click.get_current_context().args]
    check_arguments(words, styles=styles)
    assert input_path is not None
    width_and_height, shorter_side = (None, None) if size is None else parse_frame_size(size)
    work_lines = parse_work_size(work_size)
    settings = Settings(size=width_and_height, shorter_side=shorter_side, work_lines=work_lines, **options)
    choices = [StyleChoice.parse(style) for style in styles]

    def say(line: str) -> None:
        if not quiet:
            click.echo(f"tsn-run: {line}", err=True)

    report = VideoStyleTransfer(bundle, device=backend, threads=threads, log=say).process(
        input_path,
        choices,
        output,
        settings=settings,
        progress=lambda total: frame_progress(total, quiet=quiet),
    )
    _print_report(report, as_json=as_json, quiet=quiet)


def main() -> None:
    """The console script."""
    run_command(tsn_run)


@click.command(name="tsn-doctor", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--for", "backend", default="cpu", show_default=True, metavar="BACKEND", help="What is to be run.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as one JSON document on stdout.")
@click.version_option(package_name="temporalstylenet")
def tsn_doctor(*, backend: str, as_json: bool) -> None:
    """Say how fast the CPU stylizes, measured in a second, and what this machine can run: driver, GPU, libraries,
    encoders, cache, extras; and how to cure what it lacks.

    Ends with 0 where BACKEND can run here, with 3 where it cannot.
    """
    from tsn.runtime.doctor import diagnose

    diagnosis = diagnose(backend)
    if as_json:
        answer_with(diagnosis.document())
    else:
        summary, *checks = diagnosis.checks
        click.echo(summary.detail)
        click.echo(", ".join(f"{name} {version}" for name, version in diagnosis.versions.items()))
        for check in checks:
            mark = "ok" if check.ok else "NO" if check.needed else "no"
            click.echo(f"{mark}  {check.name}: {check.detail}")
    if not diagnosis.ok:
        lacking = ", ".join(check.name for check in diagnosis.checks if check.needed and not check.ok)
        raise UnavailableError(f"{backend} cannot run here. It lacks: {lacking}")


def doctor_main() -> None:
    """The console script tsn-doctor."""
    run_command(tsn_doctor)


def _print_report(report: "Report", *, as_json: bool, quiet: bool) -> None:
    if not quiet:
        for note in report.notes:
            click.echo(f"tsn-run: {note}", err=True)
    if as_json:
        answer_with(report.document())
    elif not quiet:
        rate = report.frames_per_second
        count = report.stages.frames_out
        click.echo(f"{report.output}: {count} frame{'s' if count > 1 else ''}, {rate:.2f} frames/s", err=True)
        if report.cuts:
            click.echo(f"tsn-run: cuts at frames {', '.join(map(str, report.cuts))}", err=True)
    if report.missing or report.damaged:
        total = report.stages.frames_out + report.missing
        raise IncompleteError(
            f"{report.input} is damaged: {report.missing} of {total} frames are missing and {report.damaged} were "
            f"decoded from damaged data. The rest is in {report.output}"
        )


def _list_styles(place: str, *, as_json: bool) -> None:
    from tsn.runtime.bundle.folder import open_bundle

    names = sorted(open_bundle(place).manifest.styles)
    if as_json:
        answer_with({"styles": names})
    else:
        click.echo("\n".join(names))


def _list_backends(*, as_json: bool) -> None:
    from tsn.runtime.backends import BACKENDS, open_backend

    found: dict[str, str] = {}
    for name in BACKENDS:
        try:
            found[name] = open_backend(name).description
        except TsnError as error:
            found[name] = f"not here: {error.line}"
    if as_json:
        answer_with({"backends": found})
    else:
        click.echo("\n".join(f"{name}: {said}" for name, said in found.items()))


if __name__ == "__main__":
    main()
