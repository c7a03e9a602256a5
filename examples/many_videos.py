"""Stylize every film of a folder: the networks are loaded once, and one bad film does not stop the rest.

python examples/many_videos.py films/ mosaic -o styled/
"""

import argparse
from pathlib import Path

from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.errors import TsnError

SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi"}


def main() -> None:
    """Read the command line and stylize film after film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, help="the folder of films")
    parser.add_argument("style", help="a style of the bundle, or a picture")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the folder to write")
    words = parser.parse_args()

    words.output.mkdir(parents=True, exist_ok=True)
    transfer = VideoStyleTransfer("lite", use_temporal_consistency=True)
    for film in sorted(words.films.iterdir()):
        if film.suffix.lower() not in SUFFIXES:
            continue
        target = words.output / film.with_suffix(".mp4").name
        try:
            report = transfer.process_video(film, words.style, target, settings=Settings(overwrite=True))
        except TsnError as error:
            print(f"{film.name}: left out: {error}")
            continue
        lost = f", {report.missing} missing" if report.missing else ""
        print(f"{film.name}: {report.stages.frames_out} frames{lost}, {report.frames_per_second:.1f} frames/s")


if __name__ == "__main__":
    main()
