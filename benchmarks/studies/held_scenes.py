"""Ghosts, pulse and slow motion of held frames, on drawn scenes that anybody can run.

    python -m tsn.benchmarks.studies.held_scenes lite --style mosaic

- A disc crosses a ground of exactly its luma: how far its mean colour, and that of the ground that it has left, lie
  from the frame as it is styled.
- A still picture with noise, coded with a key frame every ten frames: by how much a frame differs from the one before.
- A still picture with noise for many frames: how far colours over cells and contrast, as means over the last tenth, lie
  from those of the frames as they are styled.
- Slow pans, a slow zoom, a change of light, noise in the chroma: by how much a frame differs from the one ten frames
  before, carried along the true motion.

All in levels of 255. The notes on temporal stability give the figures.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import click
import cv2
import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.command.run import run_command
from tsn.runtime.frame import RGB, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pictures.reader import read_picture
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.hold import TemporalBlend, open_flow

SIZE = Size(480, 270)
RADIUS, STEP = 36, 4  # pixels: of the disc, and its way from a frame to the next
GROUND, DISC = (70.0, 130.0, 215.0), (215.0, 85.0, 90.0)  # two colours; the disc's luma is then made the ground's
MARGIN = 8  # pixels from the outline: what is nearer is not counted
LEFT = 12  # frames: the ground counts as left while the disc was there that long ago at most
NOISE = 1.5  # levels: the deviation of the noise of a still picture
KEY_FRAMES = 10  # frames from one key frame to the next
BACK, MOTION_FRAMES = 10, 60
MOTIONS = {  # pan, zoom, light, chroma: see kept_along
    "pan .05": (0.05, 0.0, 0.0, 0.0),
    "pan .2": (0.2, 0.0, 0.0, 0.0),
    "pan 1": (1.0, 0.0, 0.0, 0.0),
    "zoom .1 %": (0.0, 0.001, 0.0, 0.0),
    "light -1 %": (0.0, 0.0, -0.01, 0.0),
    "chroma noise 6": (0.0, 0.0, 0.0, 6.0),
}
CELL = 8  # pixels a side of the cells that colours are compared over

Mask = NDArray[np.bool_]
Show = Callable[[RGB], tuple[RGB, RGB]]
"""A frame -> as it is shown, held, and as it is styled alone. Frames come in turn."""


@click.command(name="held_scenes")
@click.argument("bundle")
@click.option("--style", "styles", multiple=True, default=("mosaic",), show_default=True)
@click.option("--flow", type=click.Choice(["dis", "raft"]), default="dis", show_default=True)
@click.option("--picture", type=click.Path(path_type=Path), help="A photo to stand still.  [a drawn one]")
@click.option("--still-frames", type=click.IntRange(min=40), default=100, show_default=True)
@click.option("--drift-frames", type=click.IntRange(min=0), default=0, show_default=True, help="0 leaves it out.")
@click.option("--pictures", type=click.Path(path_type=Path, file_okay=False), help="Write some of the frames here.")
def command(
    bundle: str,
    styles: Sequence[str],
    flow: str,
    picture: Path | None,
    still_frames: int,
    drift_frames: int,
    pictures: Path | None,
) -> None:
    """Print one JSON document for each style."""
    still = drawn_picture(SIZE) if picture is None else _fitted(read_picture(picture), SIZE)
    for style in styles:
        found = {
            "bundle": bundle,
            "style": style,
            "disc": disc_colours(shower(bundle, style, flow), pictures),
            "still": stillness(shower(bundle, style, flow), coded(still, still_frames)),
        }
        found["motion"] = {name: kept_along(shower(bundle, style, flow), still, *way) for name, way in MOTIONS.items()}
        if drift_frames:
            found["drift"] = drift(shower(bundle, style, flow), noisy(still, drift_frames))
        click.echo(json.dumps(found))


def shower(bundle: str, style: str, flow: str) -> Show:
    """Return what shows frames in a style, held and alone."""
    opened, backend = open_bundle(bundle), open_backend("cpu")
    held = TemporalBlend(opened, backend, flow=open_flow(flow, opened, backend))
    statistics = mixed_style(opened, backend, [StyleChoice(source=style)], size=512)
    stylizer = Stylizer(opened, backend, style=statistics, temporal=held)
    before: list[FrameBuffer] = []

    def show(frame: RGB) -> tuple[RGB, RGB]:
        pixels = FrameBuffer(frame)
        made = stylizer.ahead(pixels, before.pop() if before else None)
        before.append(pixels)
        return stylizer.shown(pixels, made), made.stylized.numpy()[0]

    return show


def disc_colours(show: Show, pictures: Path | None = None) -> dict[str, float]:
    """Return how far mean colours lie from the styled frame's: of the disc, and of the ground that it has left."""
    discs: list[Mask] = []
    off: dict[str, list[float]] = {"disc": [], "ground": []}
    for number, (frame, disc) in enumerate(crossing(SIZE)):
        shown, styled = show(frame)
        discs.append(disc)
        inside = _shrunk(disc, MARGIN)
        left = _shrunk(np.logical_or.reduce(discs[-LEFT:-1] or [disc]), MARGIN) & ~_shrunk(disc, -MARGIN)
        for name, place in (("disc", inside), ("ground", left)):
            if number >= LEFT:
                colours = (image[place].mean(axis=0, dtype=np.float64) for image in (shown, styled))
                off[name].append(float(np.abs(np.subtract(*colours)).max()))
        if pictures is not None and number % 5 == 4:
            pictures.mkdir(parents=True, exist_ok=True)
            beside = np.hstack([frame, styled, shown])[..., ::-1]
            cv2.imwrite(str(pictures / f"disc_{number:03}.png"), beside)
    return {name: round(float(np.mean(values)), 2) for name, values in off.items()}


def crossing(size: Size) -> Iterator[tuple[RGB, Mask]]:
    """A disc that crosses a ground of its own luma, and where it is. Luma alone never tells that it is there."""
    texture = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, (size.height, size.width)), (0, 0), 4)
    texture = texture / texture.std() * 14
    luma = np.array([0.299, 0.587, 0.114])
    disc_colour = np.array(DISC) + luma @ (np.array(GROUND) - np.array(DISC))
    y, x = np.mgrid[: size.height, : size.width]
    for centre in range(2 * RADIUS, size.width - 2 * RADIUS, STEP):
        disc = (x - centre) ** 2 + (y - size.height // 2) ** 2 < RADIUS**2
        colours = np.where(disc[..., np.newaxis], disc_colour, GROUND) + texture[..., np.newaxis]
        yield colours.round().clip(0, 255).astype(np.uint8), disc


def stillness(show: Show, frames: Iterator[RGB]) -> dict[str, float]:
    """Return the mean and the largest difference of a frame to the one before, alone and held."""
    both = [show(frame) for frame in frames]
    held, alone = (
        [float(np.abs(later.astype(np.int16) - now).mean()) for now, later in pairwise(film)]
        for film in zip(*both, strict=True)
    )
    found = {"alone_mean": np.mean(alone), "alone_worst": max(alone), "held_mean": np.mean(held)}
    found |= {"held_worst": max(held), "held_worst_frame": 1 + int(np.argmax(held))}
    return {name: round(float(value), 3) for name, value in found.items()}


def drift(show: Show, frames: Iterator[RGB]) -> dict[str, float]:
    """Return how far the means over the last tenth of the frames lie from those of the styled ones."""
    pairs = [tuple(_cells(image) for image in show(frame)) for frame in frames]
    held, styled = (np.mean(film[-(len(pairs) // 10) :], axis=0) for film in zip(*pairs, strict=True))
    return {
        "frames": len(pairs),
        "colours": round(float(np.abs(held - styled).mean()), 2),
        "contrast": round(float(held.std() / styled.std()), 3),
    }


def kept_along(show: Show, picture: RGB, pan: float, zoom: float, light: float, chroma: float) -> dict[str, float]:
    """Return by how much frames differ from those BACK before, carried along the true motion, alone and held.

    Args:
        pan: pixels a frame, to the right and half as far down.
        zoom, light: what a frame is enlarged and brightened by, against the one before.
        chroma: levels: the deviation of noise in chroma at half size.
    """
    random = np.random.default_rng(2)
    films: tuple[list[RGB], list[RGB]] = ([], [])
    for number in range(MOTION_FRAMES):
        frame = _moved(picture, pan * number, (1 + zoom) ** number) * (1 + light) ** number
        tint = random.normal(0, chroma, (frame.shape[0] // 2 + 1, frame.shape[1] // 2 + 1, 2))
        tint = cv2.resize(tint, (frame.shape[1], frame.shape[0]))
        frame += np.dstack([tint[..., 0], -(0.299 * tint[..., 0] + 0.114 * tint[..., 1]) / 0.587, tint[..., 1]])
        frame += random.normal(0, NOISE, frame.shape)
        for film, image in zip(films, show(frame.round().clip(0, 255).astype(np.uint8)), strict=True):
            film.append(image)
    edge = 16
    found: dict[str, float] = {}
    for name, film in zip(("held", "alone"), films, strict=True):
        differences = [
            np.abs(_moved(before, pan * BACK, (1 + zoom) ** BACK) - now)[edge:-edge, edge:-edge].mean()
            for before, now in zip(film[:-BACK], film[BACK:], strict=True)
        ]
        found[name] = round(float(np.mean(differences)), 2)
    return found


def _moved(picture: RGB, pan: float, zoom: float) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    matrix = np.array([[zoom, 0, (1 - zoom) * width / 2 + pan], [0, zoom, (1 - zoom) * height / 2 + pan / 2]])
    size, values = (width, height), picture.astype(np.float32)
    moved = cv2.warpAffine(values, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def _cells(image: RGB) -> NDArray[np.float32]:
    cells = cv2.resize(image.astype(np.float32), None, fx=1 / CELL, fy=1 / CELL, interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.float32)


def drawn_picture(size: Size) -> RGB:
    """A picture that is rough at every scale, as a photo is, with a flat sky."""
    random, sides = np.random.default_rng(0), (size.width, size.height)
    layers = [
        scale * cv2.resize(random.normal(0, 1, (sides[1] // scale + 1, sides[0] // scale + 1, 3)), sides)
        for scale in (64, 32, 16, 8, 4)
    ]
    picture = 128 + 0.5 * np.sum(layers, axis=0)
    picture[: size.height // 4] = (150, 180, 215)
    return picture.round().clip(0, 255).astype(np.uint8)


def noisy(picture: RGB, frames: int) -> Iterator[RGB]:
    """The picture again and again, with noise that is new in every frame."""
    random = np.random.default_rng(1)
    for _ in range(frames):
        yield (picture + random.normal(0, NOISE, picture.shape)).round().clip(0, 255).astype(np.uint8)


def coded(picture: RGB, frames: int) -> Iterator[RGB]:
    """The same as H.264 gives it back, with a key frame every KEY_FRAMES frames."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.shape[1], picture.shape[0], "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(25), Fraction(1, 25)
    encoder.options = {"g": str(KEY_FRAMES), "crf": "23", "preset": "medium"}
    decoder = av.CodecContext.create("h264", "r")
    sources = (av.VideoFrame.from_ndarray(frame, format="rgb24") for frame in noisy(picture, frames))
    for source in (*sources, None):
        for packet in encoder.encode(source):
            for shown in decoder.decode(packet):
                yield np.asarray(shown.to_ndarray(format="rgb24"), np.uint8)
    for shown in decoder.decode(None):
        yield np.asarray(shown.to_ndarray(format="rgb24"), np.uint8)


def _fitted(picture: RGB, size: Size) -> RGB:
    return np.asarray(cv2.resize(picture, (size.width, size.height), interpolation=cv2.INTER_AREA), np.uint8)


def _shrunk(mask: Mask, margin: int) -> Mask:
    """The mask without what lies within `margin` pixels of its outline; with a negative one, with that much more."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(margin) + 1,) * 2)
    change = cv2.erode if margin > 0 else cv2.dilate
    return change(mask.astype(np.uint8), kernel) > 0


if __name__ == "__main__":
    run_command(command)
