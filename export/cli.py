"""tsn-export: weights in, bundle out."""

import re
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tsn.export.engines.request import EngineRequest, Sizes, parse_compute_capabilities
from tsn.runtime.command.answer import answer_with
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size

if TYPE_CHECKING:
    from tsn.runtime.bundle.manifest import Library, ReducedPrecision, Via

STYLE_NAME = re.compile(r"[a-z0-9_-]+")


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
@click.option("--style-encoder", type=FILE, help="VGG-19's weights, to encode styles for studio with. [studio's own]")
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
@click.option("-o", "--output", type=FILE, help="The folder to write.")
@click.option("--name", help="What the bundle calls itself; without it the folder's name.")
@click.option("--fp16", is_flag=True, help="Write the networks in FP16 as well; engines are then built from these.")
@click.option("--bf16", is_flag=True, help="The same in BF16.")
@click.option("--engine", is_flag=True, help="Build engines for TensorRT or TensorRT-RTX.")
@click.option("--from", "source", type=FILE, metavar="BUNDLE", help="Build engines for a bundle that exists, in it.")
@click.option("--refresh", is_flag=True, help="With --from: write its networks without weights anew, for this version.")
@click.option("--library", type=click.Choice(["tensorrt", "tensorrt-rtx"]), help="What builds. [tensorrt]")
@click.option("--size", metavar="WxH", help="Engines for frames of this size alone: the fastest kind.")
@click.option("--min-size", metavar="WxH", help="Engines for frames from this size on. [64x64]")
@click.option("--opt-size", metavar="WxH", help="The size that they are fastest at. [1280x720]")
@click.option("--max-size", metavar="WxH", help="The largest frames that they take. [1920x1080]")
@click.option(
    "--compute-capability", metavar="LIST", help="Build for these GPUs, as 89,120, without one (tensorrt-rtx only)."
)
@click.option("--builder-level", type=click.IntRange(0, 5), help="How long to look for faster kernels. [the library's]")
@click.option(
    "--workspace", type=click.FloatRange(min=0, min_open=True), metavar="GIB", help="Limit of scratch memory."
)
@click.option("--timing-cache", type=FILE, metavar="FILE", help="TensorRT's timings. [in the user's cache folder]")
@click.option("--no-timing-cache", is_flag=True, help="Measure every kernel anew.")
@click.option(
    "--via", type=click.Choice(["onnx", "torch-tensorrt"]), default="onnx", show_default=True, help="Of the stylizer."
)
@click.option("--allow-inaccurate", is_flag=True, help="Keep an engine that lies too far from its network.")
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
    style_encoder: Path | None,
    parity_frames: tuple[Path, ...],
    flow: str | None,
    flow_weights: Path | None,
    flow_updates: int,
    flow_scale: float,
    flow_largest: str,
    output: Path | None,
    name: str | None,
    source: Path | None,
    refresh: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    **engine_options: Any,
) -> None:
    """Export a CHECKPOINT of tsn-train, or the weights given by --encoder and --decoder, to a bundle for tsn-run.

    With --engine build engines for it too; with --from for a bundle that is there already, which --refresh brings up
    to date first.

    \b
    tsn-export checkpoint.pth --style waves=waves.jpg -o waves/
    tsn-export --decoder decoder.pth --style starry_night=vangogh.jpg -o starry/
    tsn-export checkpoint.pth --fp16 --engine --size 1920x1080 -o starry/
    tsn-export --from starry/ --engine --fp16 --library tensorrt-rtx --compute-capability 89,120
    """
    reduced, engines = parse_engine_options(**engine_options)
    if source is not None:
        _refuse_with_from(
            engines, checkpoint, encoder, decoder, flow, output, name, style_encoder, *styles, refresh=refresh
        )
    elif refresh:
        raise UsageError("--refresh is for a bundle that exists: name it with --from")
    elif checkpoint is not None and (encoder is not None or decoder is not None):
        raise UsageError("a CHECKPOINT holds both networks: leave --encoder and --decoder out")
    elif checkpoint is None and decoder is None:
        raise UsageError("there is nothing to export. Give a CHECKPOINT of tsn-train, or --decoder FILE")
    elif output is None:
        raise UsageError("there is no place to write to. Give a folder with -o")
    if flow is None and flow_weights is not None:
        raise UsageError("--flow-weights is given without a network. Add --flow raft-small or --flow raft-large")
    largest = Size.parse(flow_largest)
    style_files = parse_styles(styles)
    started = time.monotonic()

    def log(line: str) -> None:
        if not quiet:
            click.echo(f"{time.monotonic() - started:6.1f} s  {line}", err=True)

    try:  # after the options: an error in those should not take the seconds of this import
        if source is not None:
            from tsn.export.engines.job import add_engines
            from tsn.export.job import PARITY_SIDE
            from tsn.export.refresh import refresh_bundle
            from tsn.runtime.bundle.folder import open_bundle
            from tsn.runtime.pictures.reader import read_picture

            output, manifest = source, refresh_bundle(source, log=log) if refresh else open_bundle(source).manifest
            if engines is not None:
                pictures = [read_picture(path, shorter_side=PARITY_SIDE) for path in parity_frames]
                manifest = add_engines(source, engines, pictures=pictures, log=log)
        else:
            from tsn.export.job import ExportRequest, export_bundle
            from tsn.export.networks.held import FlowRequest

            assert output is not None
            request = ExportRequest(
                checkpoint=checkpoint,
                encoder=encoder,
                decoder=decoder,
                styles=style_files,
                style_size=style_size,
                style_encoder=style_encoder,
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
                precisions=reduced,
                engines=engines,
                overwrite=overwrite,
            )
            manifest = export_bundle(request, log=log)
    except ModuleNotFoundError as error:
        from tsn.runtime.extras import not_installed

        raise not_installed(error, extra="export") from error
    from tsn.runtime.verification.engines import inaccurate_engines

    log(f"wrote {output}")
    for line in inaccurate_engines(manifest):  # also where --quiet asks for silence
        click.echo(f"tsn-export: WARNING: {line}", err=True)
    if as_json:
        summary = manifest.model_dump(mode="json", exclude={"styles"})
        summary |= {"output": str(output), "styles": list(manifest.styles), "seconds": time.monotonic() - started}
        answer_with(summary)


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


def parse_engine_options(
    *,
    fp16: bool,
    bf16: bool,
    engine: bool,
    library: "Library | None",
    size: str | None,
    min_size: str | None,
    opt_size: str | None,
    max_size: str | None,
    compute_capability: str | None,
    builder_level: int | None,
    workspace: float | None,
    timing_cache: Path | None,
    no_timing_cache: bool,
    allow_inaccurate: bool,
    via: "Via",
) -> "tuple[tuple[ReducedPrecision, ...], EngineRequest | None]":
    """The precisions to write beside FP32, and the engines to build. Raises UsageError where options do not fit."""
    reduced: tuple[ReducedPrecision, ...] = (*(("fp16",) if fp16 else ()), *(("bf16",) if bf16 else ()))
    if not engine:
        given = (
            library,
            size,
            min_size,
            opt_size,
            max_size,
            compute_capability,
            builder_level,
            workspace,
            timing_cache,
        )
        if any(value is not None for value in given) or no_timing_cache or allow_inaccurate or via != "onnx":
            raise UsageError("these options are about engines: add --engine")
        return reduced, None
    if len(reduced) > 1:
        raise UsageError("an engine has one precision: give --fp16 or --bf16, not both")
    if timing_cache is not None and no_timing_cache:
        raise UsageError("--timing-cache and --no-timing-cache exclude each other")
    minimum, optimum, maximum = (None if text is None else Size.parse(text) for text in (min_size, opt_size, max_size))
    return reduced, EngineRequest(
        library=library or "tensorrt",
        sizes=Sizes.of(size=Size.parse(size) if size else None, minimum=minimum, optimum=optimum, maximum=maximum),
        precision=reduced[0] if reduced else "fp32",
        compute_capabilities=parse_compute_capabilities(compute_capability) if compute_capability else (),
        builder_level=builder_level,
        workspace=None if workspace is None else round(workspace * 2**30),
        timing_cache=timing_cache,
        use_timing_cache=not no_timing_cache,
        allow_inaccurate=allow_inaccurate,
        via=via,
    )


def _refuse_with_from(engines: EngineRequest | None, *others: object, refresh: bool) -> None:
    if engines is None and not refresh:
        raise UsageError("--from builds engines for a bundle, or refreshes it: add --engine or --refresh")
    if engines is not None and engines.via == "torch-tensorrt":
        raise UsageError("--via torch-tensorrt starts from the weights, which a bundle does not hold: export it again")
    if any(other is not None for other in others):
        raise UsageError("--from takes the bundle as it is: leave weights, styles, --name and -o out")


def main() -> None:
    """The command tsn-export."""
    run_command(command)
