"""Six drawn scenes that stand in for photos in pictures that the project shows.

python -m tsn.benchmarks.studies.drawn_photos FOLDER
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.demo import draw_scene
from tsn.runtime.geometry import Size

Scene = NDArray[np.uint8]  # (side, side, 3) RGB
Canvas = NDArray[np.floating[Any]]  # (side, side, 3) in 0..1
Field = NDArray[np.floating[Any]]  # (side, side)


def hills(side: int) -> Scene:
    """Draw the landscape of the demo clip."""
    wide = draw_scene(1.5, Size(side * 16 // 9, side))
    left = (wide.shape[1] - side) // 2
    return wide[:, left : left + side]


def still_life(side: int) -> Scene:
    """Draw three balls on a table in light from the left."""
    rows, columns = _coordinates(side)
    canvas = np.where(
        (rows > 0.62)[..., None], _colour(150, 104, 66), _colour(196, 190, 172) * (1.1 - 0.4 * columns[..., None])
    )
    canvas = canvas * (0.9 + 0.2 * _noise(side, cells=40, seed=1)[..., None])
    for x, y, radius, colour in (
        (0.3, 0.6, 0.17, (196, 54, 40)),
        (0.58, 0.66, 0.13, (230, 170, 50)),
        (0.76, 0.56, 0.2, (76, 120, 80)),
    ):
        shadow = np.exp(-(((columns - x - 0.12) / radius) ** 2 + ((rows - y - radius * 0.9) / (radius * 0.3)) ** 2))
        canvas = canvas * (1 - 0.6 * shadow[..., None])
        across, down = (columns - x) / radius, (rows - y) / radius
        inside = np.clip((1 - np.hypot(across, down)) * radius * side, 0, 1)[..., None]
        towards = np.sqrt(np.clip(1 - across**2 - down**2, 0, 1))
        light = np.clip(-0.55 * across - 0.5 * down + 0.67 * towards, 0, 1)
        ball = _colour(*colour) * (0.2 + 0.9 * light[..., None]) + 0.7 * (light[..., None] ** 30)
        canvas = canvas * (1 - inside) + ball * inside
    return _eight_bit(canvas)


def city(side: int) -> Scene:
    """Draw lit windows at dusk."""
    random = np.random.default_rng(3)
    rows, _ = _coordinates(side)
    canvas = _colour(40, 44, 92) * (1 - rows[..., None]) + _colour(240, 140, 90) * rows[..., None]
    for depth in range(3):
        x = 0
        while x < side:
            width, height = (
                int(random.integers(side // 14, side // 6)),
                int(side * random.uniform(0.25, 0.75 - 0.1 * depth)),
            )
            top = side - height
            canvas[top:, x : x + width] = _colour(60, 58, 84) * (0.9 - 0.3 * depth)
            for y in range(top + 6, side - 4, 10):
                for window in range(x + 4, min(x + width, side) - 5, 8):
                    if random.random() < 0.45:
                        canvas[y : y + 5, window : window + 4] = _colour(250, 214, 120) * random.uniform(0.7, 1)
            x += width + int(random.integers(2, side // 20))
    return _eight_bit(canvas)


def flower(side: int) -> Scene:
    """Draw a flower from near, its background out of focus."""
    rows, columns = _coordinates(side)
    blur = _noise(side, cells=5, seed=4)[..., None]
    canvas = _colour(30, 70, 34) * (1 - blur) + _colour(120, 160, 80) * blur
    across, down = columns - 0.5, rows - 0.48
    angle, distance = np.arctan2(down, across), np.hypot(across, down)
    for turn, reach, colour in (
        (0.0, 0.42, (206, 60, 120)),
        (0.36, 0.34, (236, 110, 160)),
        (0.15, 0.24, (250, 170, 196)),
    ):
        edge = reach * (0.72 + 0.28 * np.cos((angle + turn) * 8))
        inside = np.clip((edge - distance) * side / 2, 0, 1)[..., None]
        petal = (
            _colour(*colour)
            * (0.55 + 0.5 * (distance / reach))[..., None]
            * (0.9 + 0.1 * np.cos(angle * 48))[..., None]
        )
        canvas = canvas * (1 - inside) + petal * inside
    heart = np.clip((0.085 - distance) * side / 3, 0, 1)[..., None]
    return _eight_bit(
        canvas * (1 - heart) + heart * _colour(236, 186, 40) * (0.7 + 0.5 * _noise(side, cells=70, seed=5)[..., None])
    )


def lake(side: int) -> Scene:
    """Draw a mountain and its reflection."""
    rows, columns = _coordinates(side)
    shore = 0.58
    upper = np.where(rows < shore, rows, 2 * shore - rows + 0.012 * np.sin(rows * 260 + 3 * np.sin(columns * 9)))
    crest = 0.18 + 0.5 * np.abs(columns - 0.45) + 0.16 * (_noise(side, cells=7, seed=6, octaves=5)[side // 2] - 0.5)
    rock = _noise(side, cells=9, seed=7, octaves=5)
    sky = _colour(92, 146, 214) * (1 - upper[..., None]) + _colour(240, 236, 226) * upper[..., None]
    snow = np.clip((crest + 0.16 + 0.2 * (rock - 0.5) - upper) * 30, 0, 1)[..., None]
    stone = _colour(92, 88, 96) * (0.5 + rock[..., None])
    canvas = np.where((upper > crest)[..., None], stone * (1 - snow) + _colour(246, 248, 252) * snow, sky)
    trees = (upper > shore - 0.07 - 0.05 * _noise(side, cells=60, seed=8)[0])[..., None]
    canvas = np.where(trees, _colour(26, 58, 44) * (0.6 + 0.8 * rock[..., None]), canvas)
    return _eight_bit(np.where((rows > shore)[..., None], canvas * 0.7 + _colour(10, 30, 44), canvas))


def face(side: int) -> Scene:
    """Draw a face in light from the left, in front of a curtain."""
    rows, columns = _coordinates(side)
    canvas = _colour(70, 96, 120) * (0.7 + 0.35 * np.sin(columns * 40 + np.sin(rows * 5)))[..., None]
    light = (1.25 - 0.9 * columns)[..., None]
    canvas = _blend(canvas, _oval(rows, columns, 0.5, 0.42, 0.31, 0.36), _colour(58, 36, 26))  # hair
    canvas = _blend(canvas, _oval(rows, columns, 0.5, 1.08, 0.42, 0.3), _colour(150, 46, 54) * light)  # shoulders
    canvas = _blend(canvas, _oval(rows, columns, 0.5, 0.74, 0.1, 0.2), _colour(196, 140, 112) * light)  # neck
    canvas = _blend(canvas, _oval(rows, columns, 0.5, 0.48, 0.22, 0.29), _colour(232, 182, 150) * light)
    for sign in (-1, 1):
        x = 0.5 + sign * 0.09
        canvas = _blend(canvas, _oval(rows, columns, x, 0.36, 0.055, 0.012), _colour(60, 38, 28))  # brow
        canvas = _blend(canvas, _oval(rows, columns, x, 0.43, 0.045, 0.022), _colour(244, 240, 234))
        canvas = _blend(canvas, _oval(rows, columns, x, 0.43, 0.02, 0.021), _colour(40, 60, 50))
        canvas = _blend(canvas, _oval(rows, columns, x + sign * 0.03, 0.56, 0.05, 0.04) * 0.35, _colour(220, 110, 100))
    canvas = _blend(canvas, _oval(rows, columns, 0.52, 0.53, 0.03, 0.05) * 0.4, _colour(150, 96, 76))  # nose
    return _eight_bit(_blend(canvas, _oval(rows, columns, 0.5, 0.65, 0.075, 0.025), _colour(176, 50, 56)))


SCENES: Mapping[str, Callable[[int], Scene]] = {
    scene.__name__: scene for scene in (hills, still_life, city, flower, lake, face)
}


def _coordinates(side: int) -> tuple[Field, Field]:
    rows, columns = np.mgrid[0:side, 0:side] / side
    return rows, columns


def _noise(side: int, *, cells: int, seed: int, octaves: int = 1) -> Field:
    random, total = np.random.default_rng(seed), np.zeros((side, side))
    for octave in range(octaves):
        grid = random.random((cells * 2**octave + 1,) * 2)
        total += cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) * 0.5**octave
    return np.clip(total / sum(0.5**octave for octave in range(octaves)), 0, 1)


def _oval(rows: Field, columns: Field, x: float, y: float, width: float, height: float) -> Field:
    return np.clip(
        (1 - np.hypot((columns - x) / width, (rows - y) / height)) * min(width, height) * len(rows) / 2, 0, 1
    )


def _blend(canvas: Canvas, mask: Field, colour: Canvas) -> Canvas:
    return canvas * (1 - mask[..., None]) + colour * mask[..., None]


def _colour(red: int, green: int, blue: int) -> Canvas:
    return np.array([red, green, blue]) / 255


def _eight_bit(canvas: Canvas) -> Scene:
    return np.clip(np.rint(canvas * 255), 0, 255).astype(np.uint8)


@click.command(name="drawn_photos")
@click.argument("folder", type=FILE)
def command(folder: Path) -> None:
    """Write all scenes, 512 pixels square, into FOLDER as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in SCENES.items():
        Image.fromarray(scene(512)).save(folder / f"{name}.png")


if __name__ == "__main__":
    run_command(command)
