"""Ways to hold a styled video still, side by side: the table in docs/temporal.md.

    python -m tsn.benchmarks.temporal_ways --encoder VGG --decoder DECODER --flow-weights RAFT_SMALL --cache FOLDER \
        --clip big_buck_bunny_480p_30s.mp4@40 --style starry_night.jpg

Each clip gives 48 frames from the one behind the @, reduced to 424x240. Flow for measuring, and for the ways unless
they say DIS, is RAFT-small's with 20 updates. Styled frames and flows are kept in the cache: they take minutes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import click
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tsn.benchmarks.evaluate_cli import frames_of, open_flow
from tsn.benchmarks.perceptual import Judge
from tsn.benchmarks.quality import LONG_RANGE, RGB, as_tensor
from tsn.benchmarks.sharpness import gradient_magnitude, laplacian_variance
from tsn.benchmarks.warping import trusted, warp, warping_error
from tsn.export.blend import BlendGraph
from tsn.runtime.anchors import new_anchor
from tsn.runtime.command import run_command
from tsn.runtime.flow import DisFlow, Flow
from tsn.runtime.picture import read_picture
from tsn.runtime.temporal import FADE, PERIOD
from tsn.train.model import adain, statistics
from tsn.train.weights import load_networks

FRAMES, WIDTH, HEIGHT = 48, 424, 240
JUDGED = 3  # every third frame is given to VGG-19
RECURSION = 0.9  # strength of the ways that blend with the previous output
MISMATCH = 50.0  # of the content, in their mask: exp(-MISMATCH x squared difference)

Array = NDArray[Any]
Way = Callable[["Material"], list[Tensor]]


@dataclass(frozen=True, kw_only=True)
class Material:
    """One clip in one style."""

    content: list[RGB]
    styled: list[Tensor]  # (1, 3, H, W) in 0..1, frame by frame
    flows: list[Flow]  # from each frame but the first to the one before


def frame_wise(material: Material) -> list[Tensor]:
    """Every frame alone."""
    return material.styled


def recursion(*, mode: str, gain: float = 0.0) -> Way:
    """The previous output, warped, blended in; with a gain, its detail is raised before it is fed back."""

    def run(material: Material) -> list[Tensor]:
        outputs = [material.styled[0]]
        for number in range(1, len(material.content)):
            now, before = as_tensor(material.content[number]), as_tensor(material.content[number - 1])
            flow = torch.from_numpy(material.flows[number - 1])[None]
            mismatch = (warp(before, flow) - now).square().sum(dim=1, keepdim=True)
            mask = RECURSION * torch.exp(-MISMATCH * mismatch)
            styled = material.styled[number]
            output = styled + mask * (_warped(outputs[-1], flow, mode) - styled)
            smooth = torch.from_numpy(cv2.GaussianBlur(output[0].permute(1, 2, 0).numpy(), (0, 0), 1)).permute(2, 0, 1)
            outputs.append(output + gain * mask * (output - smooth))
        return outputs

    return run


def anchors(*, dis: int | None = None) -> Way:
    """What tsn-run does: two anchors, cross-faded, their detail restored; with DIS or with the given flow."""

    def run(material: Material) -> list[Tensor]:
        graph, search = BlendGraph(), None if dis is None else DisFlow(preset=dis)
        outputs, age = [material.styled[0]], FADE
        older = newer = new_anchor(material.styled[0][0].numpy(), material.content[0])
        for number in range(1, len(material.content)):
            frame, before = material.content[number], material.content[number - 1]
            flow = material.flows[number - 1] if search is None else search(frame, before)
            age += 1
            newer, older = newer.carried(flow), older.carried(flow) if age < FADE else newer
            share = torch.tensor([min(1.0, age / FADE)])
            seen = [torch.from_numpy(anchor.seen())[None] for anchor in (older, newer)]
            levels, _ = graph(material.styled[number], torch.from_numpy(frame)[None], *seen, share, torch.ones(1))
            outputs.append(levels.permute(0, 3, 1, 2).float() / 255)
            if age == PERIOD:
                older, newer, age = newer, new_anchor(material.styled[number][0].numpy(), frame), 0
        return outputs

    return run


WAYS: dict[str, Way] = {
    "frame by frame": frame_wise,
    "recursion, bilinear": recursion(mode="bilinear"),
    "recursion, bicubic": recursion(mode="bicubic"),
    "recursion, bicubic, detail gain 0.2": recursion(mode="bicubic", gain=0.2),
    "anchors, RAFT-small": anchors(),
    "anchors, DIS fast": anchors(dis=cv2.DISOPTICAL_FLOW_PRESET_FAST),
}


@click.command(name="temporal_ways")
@click.option("--encoder", type=click.Path(path_type=Path), required=True)
@click.option("--decoder", type=click.Path(path_type=Path), required=True)
@click.option("--flow-weights", type=click.Path(path_type=Path), required=True)
@click.option("--clip", "clips", multiple=True, required=True, metavar="FILE@FRAME")
@click.option("--style", "styles", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), required=True)
@torch.inference_mode()
def command(
    encoder: Path, decoder: Path, flow_weights: Path, clips: Sequence[str], styles: Sequence[Path], cache: Path
) -> None:
    """Print a Markdown table with a row for each clip, style and way."""
    cache.mkdir(parents=True, exist_ok=True)
    networks = load_networks(encoder, decoder)
    flow = open_flow(flow_weights)
    click.echo("| clip | style | way | RMSE short | long | Laplacian | gradient | content | style loss |")
    click.echo("|---" * 9 + "|")
    for clip in clips:
        name, _, start = clip.rpartition("@")
        content = _content(Path(name), int(start))
        stem = f"{Path(name).stem}-{start}"
        pairs = {back: _flows(content, back, flow, cache / f"{stem}-flow{back}.npz") for back in (1, LONG_RANGE)}
        for style in styles:
            picture = as_tensor(read_picture(style, shorter_side=512))
            styled = _styled(content, picture, networks, cache / f"{stem}-{style.stem}.npz")
            flows = [cast("Flow", backward) for backward, _ in pairs[1]]
            material = Material(content=content, styled=styled, flows=flows)
            judge, alone = Judge(networks.encoder, picture), None
            for way, run in WAYS.items():
                outputs = [(output.clamp(0, 1) * 255).round() / 255 for output in run(material)]
                values = _measured(content, outputs, pairs, judge)
                alone = alone or values
                shown = [*values[:2], *(value / base for value, base in zip(values[2:], alone[2:], strict=True))]
                row = " | ".join(f"{value:.3f}" for value in shown)
                click.echo(f"| {Path(name).stem} | {style.stem} | {way} | {row} |")


def _measured(
    content: list[RGB], outputs: list[Tensor], pairs: dict[int, list[tuple[Array, Array]]], judge: Judge
) -> list[float]:
    """RMSE short and long, Laplacian variance, gradient magnitude, content loss, style loss."""
    errors: list[float] = []
    for back, flows in pairs.items():
        each = [
            warping_error(outputs[place], outputs[place + back], b, trusted(b, w))
            for place, (b, w) in enumerate((torch.from_numpy(b)[None], torch.from_numpy(w)[None]) for b, w in flows)
        ]
        errors.append(math.sqrt(sum(each) / len(each)))
    chosen = range(2, len(outputs), JUDGED)
    seen = [judge.styled(outputs[place], judge.content(as_tensor(content[place]))) for place in chosen]
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


def _flows(content: list[RGB], back: int, flow: Callable[[RGB, RGB], Tensor], file: Path) -> list[tuple[Array, Array]]:
    """For each frame that has one `back` frames before it: the flow to that one, and the flow back."""
    if not file.is_file():
        both = [
            [flow(content[n], content[n - back])[0].numpy(), flow(content[n - back], content[n])[0].numpy()]
            for n in range(back, len(content))
        ]
        np.savez(file, flows=np.array(both, np.float16))
    return [(b, w) for b, w in np.load(file)["flows"].astype(np.float32)]


def _styled(content: list[RGB], style: Tensor, networks: Any, file: Path) -> list[Tensor]:
    if not file.is_file():
        target = statistics(networks.encoder(style))
        frames = [networks.decoder(adain(networks.encoder(as_tensor(frame)), *target)) for frame in content]
        np.savez(file, frames=torch.cat(frames).clamp(0, 1).half().numpy())
    return list(torch.from_numpy(np.load(file)["frames"]).float().split(1))


def _warped(image: Tensor, flow: Tensor, mode: str) -> Tensor:
    if mode == "bilinear":
        return warp(image, flow)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    places = np.dstack([x, y]) + flow[0].numpy()
    no_map: Any = None
    read = cv2.remap(
        image[0].permute(1, 2, 0).numpy(), places, no_map, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return torch.from_numpy(read).permute(2, 0, 1)[None]


if __name__ == "__main__":
    run_command(command)
