"""A small network beside the full one: content and style losses on the same pairs of pictures.

    python -m tsn.benchmarks.studies.lite_quality --checkpoint RUN --full-encoder vgg.pth --full-decoder decoder.pth \
        --content PHOTOS --styles PAINTINGS
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tsn.benchmarks.quality.evaluate import frame_tensor
from tsn.export.networks.graphs import frames
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.pictures.reader import read_picture
from tsn.train.data.pictures import find_pictures
from tsn.train.losses import content_loss, gram, style_loss, style_targets
from tsn.train.networks.adain import Encoder as Vgg
from tsn.train.networks.adain import adain, statistics
from tsn.train.networks.weights import Networks, load_checkpoint, load_networks


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Losses of one network, means over all pairs; the outputs are clipped to 0..1 as a user sees them."""

    content: float  # relu4_1 of the output against AdaIN's of photo and style, mean squared difference
    photo: float  # the same against the photo's own relu4_1
    style: float  # means and deviations over relu1_1 to relu4_1 (arXiv:1703.06868, equation 13)
    gram: float  # Gram matrices divided by H x W over the same layers


@torch.inference_mode()
def stylized(networks: Networks, content: Tensor, style: Tensor, *, style_encoder: nn.Module | None = None) -> Tensor:
    """Return the content (1, 3, H, W) in the style, which the networks' own encoder or another encodes, in 0..1."""
    features = networks.encoder(content)
    mean, std = statistics((style_encoder or networks.encoder)(style))
    outputs = networks.decoder(adain(features, mean, std), mean, std)
    return outputs[..., : content.shape[2], : content.shape[3]].clamp(0, 1)


@torch.inference_mode()
def measured(
    networks: Sequence[Networks],
    vgg: Vgg,
    contents: Sequence[Tensor],
    styles: Sequence[Tensor],
    *,
    vgg_styles: bool = False,
) -> tuple[list[Losses], list[list[list[Tensor]]]]:
    """Return the losses of each network, and its outputs by content and style.

    With vgg_styles, `vgg` encodes the styles for networks that take its statistics, as tsn-export --style-encoder does.
    """
    sums = np.zeros((len(networks), 4))
    pictures: list[list[list[Tensor]]] = [[[] for _ in contents] for _ in networks]
    judged = [vgg.features(style) for style in styles]
    for place, content in enumerate(contents):
        photo = vgg(content)
        for style, features in zip(styles, judged, strict=True):
            target = adain(photo, *statistics(features[-1]))
            means = style_targets(features, kind="mean_std")
            grams = [gram(layer) for layer in features]
            for row, network in enumerate(networks):
                encoder = vgg if vgg_styles and network.architecture.like_vgg else None
                output = stylized(network, content, style, style_encoder=encoder)
                found = vgg.features(output)
                sums[row] += [
                    float(content_loss(found[-1], target)),
                    float(content_loss(found[-1], photo)),
                    float(style_loss(found, means, kind="mean_std")),
                    float(style_loss(found, grams, kind="gram")),
                ]
                pictures[row][place].append(output)
    sums /= len(contents) * len(styles)
    return [Losses(content=row[0], photo=row[1], style=row[2], gram=row[3]) for row in sums.tolist()], pictures


def read(paths: Sequence[Path], *, shorter_side: int) -> list[Tensor]:
    """Read pictures as (1, 3, H, W) in 0..1."""
    return [frame_tensor(read_picture(path, shorter_side=shorter_side)) for path in paths]


def grid(
    contents: Sequence[Tensor], styles: Sequence[Tensor], outputs: list[list[Tensor]], *, side: int
) -> Image.Image:
    """Return a picture with contents down, styles across, outputs between, each cut to a square."""
    sheet = Image.new("RGB", ((len(styles) + 1) * side, (len(contents) + 1) * side), "white")
    for column, style in enumerate(styles):
        sheet.paste(_square(style, side), ((column + 1) * side, 0))
    for row, content in enumerate(contents):
        sheet.paste(_square(content, side), (0, (row + 1) * side))
        for column, output in enumerate(outputs[row]):
            sheet.paste(_square(output, side), ((column + 1) * side, (row + 1) * side))
    return sheet


def _square(picture: Tensor, side: int) -> Image.Image:
    pixels = frames(picture.clamp(0, 1))[0].numpy()
    short = min(pixels.shape[:2])
    top, left = ((length - short) // 2 for length in pixels.shape[:2])
    cut = Image.fromarray(pixels[top : top + short, left : left + short])
    return cut.resize((side, side), Image.Resampling.LANCZOS)


@click.command(name="lite_quality")
@click.option("--checkpoint", type=FILE, required=True, help="the small network")
@click.option("--full-encoder", type=FILE, required=True, help="VGG-19: half of the full network, and the judge")
@click.option("--full-decoder", type=FILE, required=True)
@click.option("--content", type=FILE, required=True, help="folder of photos")
@click.option("--styles", type=FILE, required=True, multiple=True, help="folder of styles, or a picture")
@click.option("--vgg-styles", is_flag=True, help="let VGG-19 encode styles for a studio network")
@click.option("--shorter-side", type=click.IntRange(64), default=256, show_default=True, help="of photos and styles")
@click.option("--photos", type=click.IntRange(1), default=1000, help="take only the first so many")
@click.option("--picture", type=FILE, help="write the small network's outputs as a grid")
@click.option("--full-picture", type=FILE, help="the same of the full network")
@click.option("--threads", type=click.IntRange(1), default=1)
def command(
    checkpoint: Path,
    full_encoder: Path,
    full_decoder: Path,
    content: Path,
    styles: tuple[Path, ...],
    vgg_styles: bool,
    shorter_side: int,
    photos: int,
    picture: Path | None,
    full_picture: Path | None,
    threads: int,
) -> None:
    """Print, as JSON, the losses of the small and the full network and their ratios."""
    torch.set_num_threads(threads)
    full = load_networks(full_encoder, full_decoder)
    small = load_checkpoint(checkpoint)
    contents = read(find_pictures(content)[:photos], shorter_side=shorter_side)
    drawn = read([path for place in styles for path in find_pictures(place)], shorter_side=shorter_side)
    losses, outputs = measured([small, full], cast(Vgg, full.encoder), contents, drawn, vgg_styles=vgg_styles)
    rows = [vars(row) for row in losses]
    ratios = {name: rows[0][name] / rows[1][name] for name in rows[0]}
    result = {"pairs": len(contents) * len(drawn), "shorter_side": shorter_side, "small": rows[0], "full": rows[1]}
    click.echo(json.dumps({**result, "ratio": ratios}, indent=2))
    for place, row in ((picture, outputs[0]), (full_picture, outputs[1])):
        if place is not None:
            grid(contents, drawn, row, side=192).save(place)


if __name__ == "__main__":
    run_command(command)
