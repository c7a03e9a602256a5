"""tsn-export: weights in, bundle out."""

import json
import re
import time
from fractions import Fraction
from pathlib import Path

import click

from tsn.runtime.command import run_command
from tsn.runtime.errors import UnavailableError, UsageError
from tsn.runtime.geometry import Size

STYLE_NAME = re.compile(r"[a-z0-9_-]+")
FILE = click.Path(path_type=Path)


@click.command(name="tsn-export", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("checkpoint", type=FILE, required=False)
@click.option("--encoder", type=FILE, help="Weights of the encoder; without it torchvision's VGG-19 is downloaded.")
@click.option("--decoder", type=FILE, help="Weights of the decoder.")
@click.option("--style", "styles", multiple=True, metavar="NAME=FILE", help="Store a picture as a named style; repeat.")
@click.option(
    "--style-size",
    type=click.IntRange(16, 4096),
    default=512,
    show_default=True,
    help="Shrink the styles' shorter side to this many pixels.",
)
@click.option(
    "--parity-frames", multiple=True, type=FILE, metavar="FILE", help="Compare on this picture as well; repeat."
)
@click.option("--flow", type=click.Choice(["raft-small", "raft-large"]), help="Add a flow network; [OpenCV's DIS]")
@click.option("--flow-weights", type=FILE, help="Weights of the flow; without them torchvision's are downloaded.")
@click.option(
    "--flow-updates",
    type=click.IntRange(1, 64),
    default=12,
    show_default=True,
    help="How often the flow is refined.",
)
@click.option(
    "--flow-scale",
    type=click.FloatRange(0.25, 1),
    default=1.0,
    show_default=True,
    help="Compute the flow on frames reduced to this.",
)
@click.option("--flow-largest", default="1920x1080", show_default=True, help="The largest frames that will come.")
@click.option("-o", "--output", type=FILE, required=True, help="The folder to write.")
@click.option("--name", help="What the bundle calls itself; without it the folder's name.")
@click.option("--overwrite", is_flag=True, help="Replace the folder if it is there.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written to stdout, as one JSON document.")
@click.version_option(package_name="temporalstylenet")
def command(
    checkpoint: Path | None,
    encoder: Path | None,
    decoder: Path | None,
    styles: tuple[str, ...],
    style_size: int,
    parity_frames: tuple[Path, ...],
    flow: str | None,
    flow_weights: Path | None,
    flow_updates: int,
    flow_scale: float,
    flow_largest: str,
    output: Path,
    name: str | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Export a CHECKPOINT of tsn-train, or the weights given by --encoder and --decoder, to a bundle for tsn-run.

    \b
    tsn-export checkpoint.pth --style waves=waves.jpg -o waves/
    tsn-export --decoder decoder.pth --style starry_night=vangogh.jpg -o starry/
    """
    if checkpoint is not None and (encoder is not None or decoder is not None):
        raise UsageError("a CHECKPOINT holds both networks: leave --encoder and --decoder out")
    if checkpoint is None and decoder is None:
        raise UsageError("there is nothing to export. Give a CHECKPOINT of tsn-train, or --decoder FILE")
    if flow is None and flow_weights is not None:
        raise UsageError("--flow-weights is given without a network. Add --flow raft-small or --flow raft-large")
    largest = Size.parse(flow_largest)
    style_files = parse_styles(styles)
    started = time.monotonic()

    def report(line: str) -> None:
        if not quiet:
            click.echo(f"{time.monotonic() - started:6.1f} s  {line}", err=True)

    try:  # after the options: an error in those should not take the seconds of this import
        from tsn.export.job import Request, export_bundle
        from tsn.export.temporal import FlowRequest
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"tsn-export needs {error.name}, which is not installed. Run: pip install 'temporalstylenet[export]'"
        ) from error
    manifest = export_bundle(
        Request(
            checkpoint=checkpoint,
            encoder=encoder,
            decoder=decoder,
            styles=style_files,
            style_size=style_size,
            parity_frames=parity_frames,
            flow=FlowRequest(
                kind="raft-large" if flow == "raft-large" else "raft-small",
                weights=flow_weights,
                updates=flow_updates,
                scale=Fraction(flow_scale).limit_denominator(100),
                largest=largest,
            )
            if flow is not None
            else None,
            output=output,
            name=name,
            overwrite=overwrite,
        ),
        report=report,
    )
    report(f"wrote {output}")
    if as_json:
        summary = manifest.model_dump(mode="json", exclude={"styles"})
        summary |= {"output": str(output), "styles": list(manifest.styles), "seconds": time.monotonic() - started}
        click.echo(json.dumps(summary))


def parse_styles(styles: tuple[str, ...]) -> dict[str, Path]:
    """The files of "NAME=FILE" by name. Raises UsageError for a bad or repeated name."""
    files: dict[str, Path] = {}
    for style in styles:
        name, separator, file = style.partition("=")
        if not separator or not file:
            raise UsageError(f"--style '{style}' is not NAME=FILE. Write for example --style waves={style.strip('=')}")
        if not STYLE_NAME.fullmatch(name):
            raise UsageError(f"--style '{name}' is no name of a style: use a-z, 0-9, _ and - only")
        if name in files:
            raise UsageError(f"the style '{name}' is given twice. Give each its own name")
        files[name] = Path(file)
    return files


def main() -> None:
    """The command tsn-export."""
    run_command(command)
