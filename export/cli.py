"""tsn-export: weights in, bundle out."""

import re
import time
from pathlib import Path

import click

from tsn.export.bundle_writer import write_bundle
from tsn.export.stylizer import style_network, stylize_network
from tsn.runtime.atomic import refuse_unwritable
from tsn.runtime.command import run_command
from tsn.runtime.errors import UsageError
from tsn.runtime.picture import read_picture
from tsn.train.weights import Networks, load_checkpoint, load_networks

STYLE_NAME = re.compile(r"[a-z0-9_-]+")
PARITY_SIDE = 256  # pixels of the shorter side of a picture that parity is measured on: large enough, and quick
FILE = click.Path(path_type=Path)


@click.command(name="tsn-export")
@click.argument("checkpoint", type=FILE, required=False)
@click.option("--encoder", type=FILE, help="Weights of the encoder. Without: torchvision's VGG-19, downloaded.")
@click.option("--decoder", type=FILE, help="Weights of the decoder.")
@click.option("--style", "styles", multiple=True, metavar="NAME=FILE", help="Store a picture as a named style.")
@click.option("--style-size", default=512, show_default=True, help="Shrink styles to this shorter side, in pixels.")
@click.option("--parity-frames", multiple=True, type=FILE, metavar="FILE", help="Compare on this picture too.")
@click.option("-o", "--output", type=FILE, required=True, help="The folder to write.")
@click.option("--name", help="What the bundle calls itself. Without: the folder's name.")
@click.option("--overwrite", is_flag=True, help="Replace the folder if it is there.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest to stdout.")
@click.version_option(package_name="temporalstylenet")
def command(
    checkpoint: Path | None,
    encoder: Path | None,
    decoder: Path | None,
    styles: tuple[str, ...],
    style_size: int,
    parity_frames: tuple[Path, ...],
    output: Path,
    name: str | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Export a CHECKPOINT of tsn-train, or the published weights given by --encoder and --decoder, to a bundle that
    tsn-run plays.

    \b
    tsn-export checkpoint.pth --style waves=waves.jpg -o waves/
    tsn-export --decoder decoder.pth --style starry_night=vangogh.jpg -o starry/
    """
    started = time.monotonic()

    def report(line: str) -> None:
        if not quiet:
            click.echo(f"{time.monotonic() - started:6.1f} s  {line}", err=True)

    style_files = parse_styles(styles)
    refuse_unwritable(output, overwrite=overwrite)
    pictures = {style: read_picture(path, shorter_side=style_size) for style, path in style_files.items()}
    frames = [
        read_picture(path, shorter_side=PARITY_SIDE)[None] for path in (*list(style_files.values())[:2], *parity_frames)
    ]
    report("reading the weights")
    networks = read_networks(checkpoint, encoder=encoder, decoder=decoder)
    manifest = write_bundle(
        output,
        networks,
        [style_network(networks, frames), stylize_network(networks, frames)],
        name=name or output.resolve().name,
        styles=pictures,
        overwrite=overwrite,
        report=report,
    )
    report(f"wrote {output}")
    if as_json:
        click.echo(manifest.model_dump_json(indent=2))


def read_networks(checkpoint: Path | None, *, encoder: Path | None, decoder: Path | None) -> Networks:
    """The networks that the command line names. Raises UsageError where it names none or contradicts itself."""
    if checkpoint is not None and (encoder is not None or decoder is not None):
        raise UsageError("a CHECKPOINT holds both networks: leave --encoder and --decoder out")
    if checkpoint is not None:
        return load_checkpoint(checkpoint)
    if decoder is not None:
        return load_networks(encoder, decoder)
    raise UsageError("there is nothing to export. Give a CHECKPOINT of tsn-train, or --decoder FILE")


def parse_styles(styles: tuple[str, ...]) -> dict[str, Path]:
    """The files of "NAME=FILE" by name. Raises UsageError for a bad or repeated name."""
    files: dict[str, Path] = {}
    for style in styles:
        name, separator, file = style.partition("=")
        if not separator or not file:
            raise UsageError(f"--style '{style}' is not NAME=FILE. Write --style waves={style}")
        if not STYLE_NAME.fullmatch(name):
            raise UsageError(f"--style '{name}' is no name of a style: use a-z, 0-9, _ and - only")
        if name in files:
            raise UsageError(f"the style '{name}' is given twice. Give each its own name")
        files[name] = Path(file)
    return files


def main() -> None:
    """The command tsn-export."""
    run_command(command)
