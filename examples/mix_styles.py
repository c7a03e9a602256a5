"""Stylize a film in a mix of styles, with their weights.

python examples/mix_styles.py in.mp4 mosaic:0.7 painting.jpg:0.3 -o mixed.mp4
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.style import StyleChoice


@contextmanager
def progress(total: int | None) -> Iterator[Callable[[int], None]]:
    """Give a function that prints how many of `total` frames are done, in one line."""
    yield lambda done: print(f"\r{done} of {total or '?'} frames", end="", flush=True)
    print()


def main() -> None:
    """Read the command line, stylize, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("styles", nargs="+", help="names of the bundle's styles or pictures, each with a :WEIGHT")
    parser.add_argument("-o", "--output", type=Path, required=True)
    words = parser.parse_args()

    transfer = VideoStyleTransfer("lite")
    report = transfer.process(
        words.film,
        [StyleChoice.parse(style) for style in words.styles],  # the weights are scaled to sum to 1
        words.output,
        settings=Settings(temporal=True),
        progress=progress,
    )
    print(f"{report.output}: {report.stages.frames_out} frames, {report.frames_per_second:.1f} frames/s")


if __name__ == "__main__":
    main()
