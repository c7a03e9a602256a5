"""Styles that this project draws itself, from nothing but a seed: to train with, to ship, to show.

`python -m tsn.train.procedural FOLDER` draws them all as PNG.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tsn.runtime.files import as_output_error
from tsn.train.procedural.drawing import (
    Canvas,
    Colours,
    Picture,
    Random,
    cells_of,
    grained,
    jittered_grid,
    noise,
    palette,
    plain,
    rgb,
    slope,
    smooth_step,
)


def draw(name: str, *, side: int = 640, seed: int = 0) -> Picture:
    """Draw the style of that name, `side` pixels square."""
    picture = STYLES[name](np.random.default_rng((seed, *name.encode())), side)
    return np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)


def waves(random: Random, side: int) -> Canvas:
    """Draw overlapping fans of arcs in indigo and cream, after Japanese seigaiha."""
    colours = palette("0b2545 13315c 1d5b8f 8da9c4 eef4ed f7e7c6")
    canvas = np.tile(colours[4], (side, side, 1)).copy()
    radius = side // 9
    bend = noise(random, side, cells=3) * radius
    for row in range(-1, 2 * side // radius + 3):
        for column in range(-1, side // (2 * radius) + 2):
            x = column * 2 * radius + (row % 2) * radius
            y = row * radius // 2
            x += int(bend[min(max(y, 0), side - 1), min(max(x, 0), side - 1)])
            for ring in range(6, 0, -1):
                shade = colours[[0, 4, 2, 5, 1, 3][6 - ring]] + random.normal(0, 0.02, 3)
                cv2.circle(canvas, (x, y), radius * ring // 6, rgb(shade), -1, cv2.LINE_AA)
    return grained(random, canvas, 0.03)


def stained_glass(random: Random, side: int) -> Canvas:
    """Draw panes of saturated glass between black leads."""
    colours = palette("c1121f f4a300 ffd60a 2a9d3f 00509d 3a0ca3 7209b7 e85d04 48cae4")
    nearest, edge = cells_of(random, side, count=150)
    canvas = colours[random.integers(len(colours), size=150)][nearest]
    light = 0.75 + 0.5 * noise(random, side, cells=40, octaves=3)
    canvas = canvas * light[..., None] + 0.12 * noise(random, side, cells=4)[..., None]
    return canvas * smooth_step(edge, side / 200, side / 120)[..., None] + 0.02


def mosaic(random: Random, side: int) -> Canvas:
    """Draw small stones in terracotta, ochre and turquoise with pale grout."""
    colours = palette("8f2d1b c8553d f28f3b ffd5a3 588b8b 2f5d62 f5ebdd 1b3a4b")
    count = (side // 16) ** 2
    places = jittered_grid(random, side, cells=side // 16, amount=0.25)
    nearest, edge = cells_of(random, side, places=places)
    field = noise(random, side, cells=5, octaves=2)
    at = np.clip(places.astype(int), 0, side - 1)
    level = field[at[:, 1], at[:, 0]] + random.normal(0, 0.06, count)
    stones = colours[(np.clip(level, 0, 0.999) * len(colours)).astype(int)] * random.uniform(0.85, 1.1, (count, 1))
    grout = smooth_step(edge, 0.8, 2.2)[..., None]
    return grained(random, (stones[nearest] * grout + colours[6] * (1 - grout)), 0.03)


def brush_strokes(random: Random, side: int) -> Canvas:
    """Draw thick strokes that swirl, in blues and yellows."""
    colours = palette("0d1b4c 1b3a8c 2f6fba 6fa8dc cfe2f3 f6c90e ffe66d e07b00")
    return _strokes(random, side, colours, length=side // 18, width=side // 110, count=9000, cells=4)


def impasto_garden(random: Random, side: int) -> Canvas:
    """Draw short strokes in greens, pinks and cream."""
    colours = palette("1b4332 2d6a4f 52b788 95d5b2 ffb3c6 fb6f92 fff1e6 f9c74f")
    return _strokes(random, side, colours, length=side // 40, width=side // 80, count=9000, cells=8)


def watercolour(random: Random, side: int) -> Canvas:
    """Draw thin washes that overlap on paper, darker along their edges."""
    colours = palette("e76f51 f4a261 2a9d8f 457b9d a8dadc e9c46a b56576 6d597a")
    canvas = plain(side, "faf7f0")
    for _ in range(70):
        size = random.uniform(0.06, 0.22) * side
        x, y = random.uniform(0, side, 2)
        rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
        reach = np.hypot(columns - x, rows - y) / size + 0.9 * (noise(random, side, cells=9, octaves=4) - 0.5)
        inside, rim = smooth_step(-reach, -1.0, -0.94), np.exp(-(((reach - 0.95) / 0.05) ** 2))
        wash = np.clip(inside * 0.45 + rim * 0.3, 0, 1)[..., None]
        canvas *= 1 - wash * (1 - colours[random.integers(len(colours))])
    return grained(random, canvas, 0.025)


def woodcut(random: Random, side: int) -> Canvas:
    """Draw black cuts of changing thickness that follow a landscape of noise."""
    height = noise(random, side, cells=4, octaves=3)
    rows = np.mgrid[0:side, 0:side][0].astype(np.float32)
    lines = np.sin((rows / side * 55 + height * 26) * 2 * np.pi / 1.6)
    wood = noise(random, side, cells=60, octaves=2)
    ink = smooth_step(lines + (wood - 0.5) * 0.8, 1.4 - 2.6 * noise(random, side, cells=5), 1.6 - 2.6 * height)[
        ..., None
    ]
    paper, black = palette("f0e3c8 1c1512")
    return grained(random, paper * (1 - ink) + black * ink, 0.03)


def pointillism(random: Random, side: int) -> Canvas:
    """Draw dots of pure colour on cream, their mixture changing over the picture."""
    colours = palette("ff595e ff924c ffca3a 8ac926 1982c4 4267ac 6a4c93 36949d")
    canvas = plain(side, "f5ebd1")
    field = noise(random, side, cells=4, octaves=2)
    for x, y in random.integers(side, size=(side * side // 36, 2)):
        level = (field[y, x] + random.normal(0, 0.12)) % 1
        colour = colours[int(level * len(colours)) % len(colours)] * random.uniform(0.85, 1.1)
        cv2.circle(canvas, (int(x), int(y)), int(random.integers(2, 5)), rgb(colour), -1, cv2.LINE_AA)
    return canvas


def candy(random: Random, side: int) -> Canvas:
    """Draw bands of bright enamel around each other."""
    colours = palette("ff006e ffbe0b fb5607 3a86ff 8338ec 06d6a0 ffffff 222244")
    field = noise(random, side, cells=4, octaves=2)
    level = field * 22
    canvas = colours[(level.astype(int) * 3) % len(colours)]
    line = smooth_step(np.abs(level - np.rint(level)), 0.06, 0.14)[..., None]
    shine = 0.15 * np.sin(level * 2 * np.pi)[..., None]
    return (canvas + shine) * line + colours[7] * (1 - line)


def ink_wash(random: Random, side: int) -> Canvas:
    """Draw grey and black ink, wet on paper, with a few dry strokes and one red seal colour."""
    cloud = noise(random, side, cells=4, octaves=6)
    tone = 1 - 0.85 * smooth_step(cloud, 0.42, 0.75) ** 1.3
    edges = np.exp(-(((cloud - 0.5) / 0.012) ** 2)) * 0.5
    canvas = (tone - edges)[..., None] * palette("f7f2e6")
    red = smooth_step(noise(random, side, cells=5, octaves=3), 0.93, 0.95)[..., None]
    canvas = canvas * (1 - red) + red * palette("b2291f")
    return grained(random, canvas, 0.03)


def neon(random: Random, side: int) -> Canvas:
    """Draw glowing tubes in front of the night."""
    canvas = plain(side, "050312")
    for colour in palette("ff00a0 00f0ff 7b2cff ffe600"):
        field = noise(random, side, cells=4, octaves=2) * 2.5 + random.uniform(0, 1)
        distance = np.abs(field - np.rint(field)) / (slope(field) + 2e-3)
        glow = np.exp(-((distance / (side / 260)) ** 2)) + 0.35 * np.exp(-distance / (side / 45))
        canvas = canvas + glow[..., None] * colour
        canvas += np.exp(-((distance / (side / 500)) ** 2))[..., None] * 0.5
    return canvas / np.maximum(1, canvas.max(axis=2, keepdims=True) / 1.0)


def cubist(random: Random, side: int) -> Canvas:
    """Draw overlapping facets in ochre, umber and grey-green, each shaded from edge to edge."""
    colours = palette("d4a373 a98467 6c584c adc178 dde5b6 f0ead2 583101 3d405b e07a5f")
    canvas = plain(side, "a98467")
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32) / side
    for _ in range(220):
        centre, size = random.uniform(0, side, 2), random.uniform(0.05, 0.2) * side
        angles = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 6)))
        corners = centre + size * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        mask = np.zeros((side, side), np.float32)
        cv2.fillPoly(mask, [corners.astype(np.int32)], 1.0, cv2.LINE_AA)
        across = random.normal(0, 2.2, 2)
        shade = 1 + np.clip(across[0] * (columns - centre[0] / side) + across[1] * (rows - centre[1] / side), -0.4, 0.4)
        layer = colours[random.integers(len(colours))] * shade[..., None]
        canvas += (mask * 0.8)[..., None] * (layer - canvas)
    return grained(random, canvas, 0.04)


def weave(random: Random, side: int) -> Canvas:
    """Draw cloth of bright stripes, over and under."""
    colours = palette("d00000 ffba08 136f63 032b43 f48c06 faf3dd 6a040f")
    wide = max(side // 80, 4)
    rows, columns = np.mgrid[0:side, 0:side]
    warp = colours[random.integers(len(colours), size=side // wide + 1)][columns // wide]
    weft = colours[random.integers(len(colours), size=side // wide + 1)][rows // wide]
    over = ((rows // wide + columns // wide // 2) % 3 == 0)[..., None]
    thread = 0.8 + 0.25 * np.sin(np.where(over[..., 0], columns, rows) * np.pi * 2 / wide)
    return grained(random, (np.where(over, warp, weft) * thread[..., None]), 0.04)


def ember(random: Random, side: int) -> Canvas:
    """Draw marble of black, red and gold."""
    first = noise(random, side, cells=4, octaves=6)
    veins = np.abs(np.sin((first * 6 + noise(random, side, cells=7, octaves=5) * 2.5) * np.pi))
    stops = palette("ffd166 f77f00 d62828 6a040f 2b0504 0a0205")
    level = np.clip(veins**0.6, 0, 0.999) * (len(stops) - 1)
    low, part = level.astype(int), (level % 1)[..., None]
    return stops[low] * (1 - part) + stops[low + 1] * part


STYLES: Mapping[str, Callable[[Random, int], Canvas]] = {
    style.__name__: style
    for style in (
        brush_strokes,
        candy,
        cubist,
        ember,
        impasto_garden,
        ink_wash,
        mosaic,
        neon,
        pointillism,
        stained_glass,
        watercolour,
        waves,
        weave,
        woodcut,
    )
}


def _strokes(random: Random, side: int, colours: Colours, *, length: int, width: int, count: int, cells: int) -> Canvas:
    """Draw strokes along the contour lines of noise, coloured by another noise, lit from above left."""
    canvas = np.tile(colours[1], (side, side, 1))
    relief = np.zeros((side, side), np.float32)
    hills = noise(random, side, cells=cells, octaves=2)
    down, right = np.gradient(hills, axis=0), np.gradient(hills, axis=1)
    tint = noise(random, side, cells=cells + 2, octaves=3)
    for x, y in random.integers(side, size=(count, 2)):
        angle = np.arctan2(-right[y, x], down[y, x]) + random.normal(0, 0.12)
        reach = length * random.uniform(0.5, 1.3) / 2
        across, along = int(reach * np.cos(angle)), int(reach * np.sin(angle))
        start, end = (int(x) - across, int(y) - along), (int(x) + across, int(y) + along)
        level = np.clip(tint[y, x] + random.normal(0, 0.09), 0, 0.999)
        colour = colours[int(level * len(colours))] + random.normal(0, 0.035, 3)
        cv2.line(canvas, start, end, rgb(colour), max(width, 1) + int(random.integers(3)), cv2.LINE_AA)
        cv2.line(relief, start, end, float(random.uniform(0, 1)), max(width, 1), cv2.LINE_AA)
    light = cv2.GaussianBlur(relief, (0, 0), 1.0)
    return canvas + 0.25 * (light - np.roll(light, (2, 2), (0, 1)))[..., None]


def draw_all(folder: Path) -> None:
    """Draw every style into a folder, as PNG. Raises OutputError."""
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in STYLES:
            Image.fromarray(draw(name)).save(folder / f"{name}.png")
