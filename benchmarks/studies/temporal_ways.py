"""Ways to hold a styled video still, side by side: the table in docs/notes/temporal.md.

    python -m tsn.benchmarks.studies.temporal_ways --encoder VGG --decoder DECODER --flow-weights RAFT_SMALL \
        --cache FOLDER --clip big_buck_bunny_480p_30s.mp4@40 --style starry_night.jpg

Each clip gives 48 frames from the one behind the @, reduced to 424x240. Flow for measuring, and for the ways unless
they say DIS, is RAFT-small's with 20 updates. Styled frames and flows are kept in the cache: they take minutes.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import click
import cv2
import numpy as np
import torch
from torch import Tensor

from tsn.benchmarks.quality.evaluate import LONG_RANGE, frame_tensor, frames_of
from tsn.benchmarks.quality.flow import FlowEstimator, open_estimator
from tsn.benchmarks.quality.perceptual import Judge
from tsn.benchmarks.quality.sharpness import gradient_magnitude, laplacian_variance
from tsn.benchmarks.quality.warping import warping_error
from tsn.benchmarks.studies.stabilizers import WAYS, Material
from tsn.runtime.backends import Array
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.frame import RGB
from tsn.runtime.pictures.reader import read_picture
from tsn.runtime.temporal.flow import Flow
from tsn.train.networks.adain import adain, statistics
from tsn.train.networks.weights import load_networks
from tsn.train.warping import trusted

FRAMES, WIDTH, HEIGHT = 48, 424, 240
JUDGED = 3  # every third frame is given to VGG-19


@click.command(name="temporal_ways")
@click.option("--encoder", type=FILE, required=True)
@click.option("--decoder", type=FILE, required=True)
@click.option("--flow-weights", type=FILE, required=True)
@click.option("--clip", "clips", multiple=True, required=True, metavar="FILE@FRAME")
@click.option("--style", "styles", multiple=True, required=True, type=FILE)
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--only", multiple=True, metavar="WAY", help="Ways to measure; the first is what ratios go by.  [all]")
@torch.inference_mode()
def command(
    encoder: Path,
    decoder: Path,
    flow_weights: Path,
    clips: Sequence[str],
    styles: Sequence[Path],
    cache: Path,
    only: Sequence[str],
) -> None:
    """Print a Markdown table with a row for each clip, style and way."""
    chosen = {name: way for name, way in WAYS.items() if not only or name in only}
    cache.mkdir(parents=True, exist_ok=True)
    networks = load_networks(encoder, decoder)
    flow = open_estimator(flow_weights)
    click.echo("| clip | style | way | RMSE short | long | Laplacian | gradient | content | style loss |")
    click.echo("|---" * 9 + "|")
    for clip in clips:
        name, _, start = clip.rpartition("@")
        content = _content(Path(name), int(start))
        stem = f"{Path(name).stem}-{start}"
        pairs = {back: _flows(content, back, flow, cache / f"{stem}-flow{back}.npz") for back in (1, LONG_RANGE)}
        plain = Judge(networks.encoder, None)
        judged = {place: plain.content(frame_tensor(content[place])) for place in range(2, len(content), JUDGED)}
        for style in styles:
            picture = frame_tensor(read_picture(style, shorter_side=512))
            target = statistics(networks.encoder(picture))
            encode = partial(_encoded, networks.encoder, target)
            decode = partial(networks.decoder, mean=target[0], std=target[1])
            material = Material(
                content=content,
                styled=_styled(content, encode, decode, cache / f"{stem}-{style.stem}.npz"),
                flows=[cast("Flow", backward) for backward, _ in pairs[1]],
                flows_ahead=[cast("Flow", forward) for _, forward in pairs[1]],
                encode=encode,
                decode=decode,
            )
            judge, alone = Judge(networks.encoder, picture), None
            for way, run in chosen.items():
                outputs = [(output.clamp(0, 1) * 255).round() / 255 for output in run(material)]
                values = _measured(outputs, pairs, judge, judged)
                alone = alone or values
                shown = [*values[:2], *(value / base for value, base in zip(values[2:], alone[2:], strict=True))]
                row = " | ".join(f"{value:.3f}" for value in shown)
                click.echo(f"| {Path(name).stem} | {style.stem} | {way} | {row} |")


def _measured(
    outputs: list[Tensor], pairs: dict[int, list[tuple[Array, Array]]], judge: Judge, judged: dict[int, Tensor]
) -> list[float]:
    """Return RMSE short and long, Laplacian variance, gradient magnitude, content loss, style loss."""
    errors: list[float] = []
    for back, flows in pairs.items():
        each = [
            warping_error(outputs[place], outputs[place + back], b, trusted(b, w))
            for place, (b, w) in enumerate((torch.from_numpy(b)[None], torch.from_numpy(w)[None]) for b, w in flows)
        ]
        errors.append(math.sqrt(sum(each) / len(each)))
    seen = [judge.styled(outputs[place], features) for place, features in judged.items()]
    every = torch.cat(outputs)
    return [
        *errors,
        laplacian_variance(every),
        gradient_magnitude(every),
        sum(one.content for one in seen) / len(seen),
        sum(one.style or 0 for one in seen) / len(seen),
    ]


def _content(path: Path, start: int) -> list[RGB]:
    frames = islice(frames_of(path), start, start + FRAMES)
    return [np.asarray(cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8) for frame in frames]


def _flows(content: list[RGB], back: int, flow: FlowEstimator, file: Path) -> list[tuple[Array, Array]]:
    """Return, for each frame that has one `back` frames before it, the flow to that one and the flow back."""
    if not file.is_file():
        both = [
            [flow(content[n], content[n - back])[0].numpy(), flow(content[n - back], content[n])[0].numpy()]
            for n in range(back, len(content))
        ]
        np.savez(file, flows=np.array(both, np.float16))
    return [(b, w) for b, w in np.load(file)["flows"].astype(np.float32)]


def _encoded(encoder: Callable[[Tensor], Tensor], target: tuple[Tensor, Tensor], frame: Tensor) -> Tensor:
    return adain(encoder(frame), *target)


def _styled(
    content: list[RGB], encode: Callable[[Tensor], Tensor], decode: Callable[[Tensor], Tensor], file: Path
) -> list[Tensor]:
    if not file.is_file():
        frames = [decode(encode(frame_tensor(frame))) for frame in content]
        np.savez(file, frames=torch.cat(frames).clamp(0, 1).half().numpy())
    return list(torch.from_numpy(np.load(file)["frames"]).float().split(1))


if __name__ == "__main__":
    run_command(command)
