"""Stylize frames that come from Python, not from a file: numpy in, numpy out, held in time.

python examples/frames.py mosaic -o frames/
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.hold import TemporalBlend, open_flow


def drawn_frames(count: int = 12) -> Iterator[NDArray[np.uint8]]:
    """Draw a disc that passes over a grained ground: uint8 (height, width, 3), RGB. Put your own frames here."""
    y, x = np.mgrid[0:144, 0:256]
    grain = np.random.default_rng(0).normal(0, 4, (144, 256, 1))
    for number in range(count):
        ground = np.stack([90 + x / 4, 120 + y / 4, 160 + 20 * np.sin(x / 9)], axis=-1)
        disc = (x - 60 - 4 * number) ** 2 + (y - 72) ** 2 < 30**2
        ground[disc] = (230, 170, 60)
        yield (ground + grain).clip(0, 255).astype(np.uint8)


def main() -> None:
    """Read the command line, open the pieces, and stylize frame after frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", help="a style of the bundle, or a picture")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    words = parser.parse_args()

    bundle, backend = open_bundle("lite"), open_backend("cpu")
    style = mixed_style(bundle, backend, [StyleChoice.parse(words.style)], size=512)
    held = TemporalBlend(bundle, backend, flow=open_flow("dis", bundle, backend))
    stylizer = Stylizer(bundle, backend, style=style, temporal=held)  # without `temporal`, each frame alone

    words.output.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(drawn_frames()):
        styled = stylizer(frame)  # of the same size; give frames in turn, each is held to the ones before it
        Image.fromarray(styled).save(words.output / f"{number:04}.png")
    print(f"the frames are in {words.output}; new scenes begin at: {held.cuts or 'none'}")


if __name__ == "__main__":
    main()
