"""tsn-evaluate: how stable, sharp and true styled videos are."""

import math
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tsn.runtime.command.answer import answer_with
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.errors import InputError, OutputError, UsageError
from tsn.runtime.files import refuse_unwritable, whole_file

if TYPE_CHECKING:
    from PIL import Image

    from tsn.benchmarks.quality.flow import FlowEstimator
    from tsn.benchmarks.quality.perceptual import Judge


@click.command(name="tsn-evaluate", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("content", type=FILE)
@click.argument("styled", type=FILE, nargs=-1, required=True)
@click.option("--style", type=FILE, help="The style picture: adds the style loss.")
@click.option("--encoder", type=FILE, help="Weights of VGG-19: adds content and style loss. [downloaded for --style]")
@click.option("--flow-weights", type=FILE, help="Weights of RAFT-small to find motion with. [OpenCV's DIS]")
@click.option("--flow-truth", type=FILE, help="True flow (.flo) between the first two frames: adds its error.")
@click.option("--max-frames", type=click.IntRange(min=2), metavar="N", help="Stop after N frames.")
@click.option("--plot", type=FILE, help="Write curves and a strip of frames to this PNG.")
@click.option("--error-frame", type=click.IntRange(min=1), metavar="N", help="Picture the warped error of frame N.")
@click.option("--error-picture", type=FILE, help="Where to; for the last STYLED. [error.png]")
@click.option("--overwrite", is_flag=True, help="Replace pictures that exist.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
@click.version_option(package_name="temporalstylenet")
def command(
    content: Path,
    styled: tuple[Path, ...],
    style: Path | None,
    encoder: Path | None,
    flow_weights: Path | None,
    flow_truth: Path | None,
    max_frames: int | None,
    plot: Path | None,
    error_frame: int | None,
    error_picture: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Measure STYLED videos (or folders of pictures) against the CONTENT they were made from.

    Sharpness and losses are given as ratios to the first STYLED: give the one made with --no-temporal first.

    \b
    tsn-run bundle/ in.mp4 -s waves --no-temporal -o alone.mp4
    tsn-run bundle/ in.mp4 -s waves --temporal -o held.mp4
    tsn-evaluate in.mp4 alone.mp4 held.mp4 --plot curves.png
    """
    if error_picture is not None and error_frame is None:
        raise UsageError("--error-picture needs the frame to picture: give --error-frame N")
    if error_frame is not None and max_frames is not None and error_frame >= max_frames:
        raise UsageError(f"there is no frame {error_frame} among the first {max_frames}: they are counted from 0")
    if error_frame is not None:
        error_picture = error_picture or Path("error.png")
    if plot is not None and error_picture is not None and plot.resolve() == error_picture.resolve():
        raise UsageError(f"--plot and --error-picture would both write {plot}. Give two names")
    for path in filter(None, (plot, error_picture)):
        refuse_picture(path, inputs=(content, *styled), overwrite=overwrite)
    for path in (content, *styled):
        if not path.exists():
            raise InputError(f"there is no video {path}")
    names = [path.name if [other.name for other in styled].count(path.name) == 1 else str(path) for path in styled]
    if len(set(names)) < len(names):
        raise UsageError("a STYLED is given twice. Give each once")
    try:
        from tsn.benchmarks.quality.evaluate import evaluate, frames_of
        from tsn.benchmarks.quality.flow import open_estimator
        from tsn.benchmarks.quality.report import STRIP, document, markdown
        from tsn.benchmarks.quality.report import plot as plot_scores
    except ModuleNotFoundError as error:
        from tsn.runtime.extras import not_installed

        raise not_installed(error, extra="train") from error
    flow = open_estimator(flow_weights)
    scores = evaluate(
        frames_of(content, max_frames),
        {name: frames_of(path, max_frames) for name, path in zip(names, styled, strict=True)},
        flow=flow,
        judge=_judge(style, encoder),
    )
    count = len(scores[0].frames["ssim"])
    facts: dict[str, object] = {
        "content": str(content),
        "count": count,
        "flow": "dis" if flow_weights is None else "raft",
    }
    if flow_truth is not None:
        facts["end_point_error"] = _truth(content, flow_truth, flow)
    if as_json:
        answer_with(document(scores, facts=facts))
    else:
        click.echo(markdown(scores))
        if "end_point_error" in facts:
            click.echo(f"\nend-point error of the flow: {facts['end_point_error']:.3f} pixels")
    if plot is not None:  # after the figures: a picture that cannot be drawn should not cost them
        every = max(1, count // STRIP)
        strips = {
            name: list(islice(frames_of(path, max_frames), 0, every * STRIP, every))
            for name, path in zip(names, styled, strict=True)
        }
        with whole_file(plot, overwrite=overwrite) as file:
            plot_scores(scores, strips, file)
    if error_frame is not None and error_picture is not None:
        picture = _picture(content, styled[-1], error_frame, flow, count=count)
        with whole_file(error_picture, overwrite=overwrite) as file:
            picture.save(file)


def refuse_picture(path: Path, *, inputs: Sequence[Path], overwrite: bool) -> None:
    """Raise UsageError or OutputError, before anything is measured, where a PNG could not be written to `path`."""
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path} is to be a PNG. Give a name that ends in .png")
    refuse_unwritable(path, overwrite=overwrite)
    if any(path.exists() and (path.samefile(one) or path.parent.samefile(one)) for one in inputs if one.exists()):
        raise OutputError(f"{path} is one of the inputs itself. Give another name")


def _judge(style: Path | None, encoder: Path | None) -> "Judge | None":
    if style is None and encoder is None:
        return None
    from tsn.benchmarks.quality.evaluate import frame_tensor
    from tsn.benchmarks.quality.perceptual import Judge
    from tsn.runtime.pictures.reader import read_picture
    from tsn.train.networks.weights import load_encoder

    picture = None if style is None else frame_tensor(read_picture(style, shorter_side=512))
    return Judge(load_encoder(encoder), picture)


def _truth(content: Path, file: Path, flow: "FlowEstimator") -> float:
    from tsn.benchmarks.quality.evaluate import frames_of
    from tsn.benchmarks.quality.flow import read_flow
    from tsn.benchmarks.quality.warping import end_point_error

    first, second = islice(frames_of(content, 2), 2)
    truth = read_flow(file)
    height, width = truth.shape[1:3]
    if (height, width) != first.shape[:2]:
        raise InputError(
            f"the flow in {file} is {width}x{height} pixels large, the frames of {content} are "
            f"{first.shape[1]}x{first.shape[0]}. Give the flow between its first two frames"
        )
    error = end_point_error(flow(first, second), truth)
    if not math.isfinite(error):
        raise InputError(f"{file} knows the flow of no pixel: there is nothing to compare with")
    return error


def _picture(content: Path, styled: Path, number: int, flow: "FlowEstimator", *, count: int) -> "Image.Image":
    from PIL import Image

    from tsn.benchmarks.quality.evaluate import frame_tensor, frames_of
    from tsn.benchmarks.quality.report import error_picture
    from tsn.train.warping import trusted

    if number >= count:
        raise UsageError(f"there is no frame {number}: the last of {count}, counted from 0, is {count - 1}")
    first, second = islice(frames_of(content), number - 1, number + 1)
    earlier, later = (frame_tensor(frame) for frame in islice(frames_of(styled), number - 1, number + 1))
    backward = flow(second, first)
    return Image.fromarray(error_picture(earlier, later, backward, trusted(backward, flow(first, second))))


def main() -> None:
    """Run the command tsn-evaluate."""
    run_command(command)
