"""Stylize frames that come from Python, not from a file: numpy in, numpy out, held in time.

python examples/frames.py mosaic -o frames/
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.style import StyleChoice


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
    """Read the command line, open the network, and stylize frame after frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("style", help="a style of the bundle, or a picture")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    words = parser.parse_args()

    settings = Settings(temporal=True)  # False: each frame alone
    stylize = VideoStyleTransfer("lite").frame_stylizer([StyleChoice.parse(words.style)], settings=settings)

    words.output.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(drawn_frames()):
        styled = stylize(frame)  # of the same size; give frames in turn, each is held to the ones before it
        Image.fromarray(styled).save(words.output / f"{number:04}.png")
    print(f"the frames are in {words.output}")


if __name__ == "__main__":
    main()
