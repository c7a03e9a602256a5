"""Measure how steady and how sharp two styled versions of a film are, beside each other.

python examples/measure.py in.mp4 alone.mp4 held.mp4

It needs the extra `train`. The first styled film is the one that sharpness is compared with.
"""

import argparse
from pathlib import Path

from tsn.benchmarks.quality.evaluate import evaluate, frames_of
from tsn.benchmarks.quality.flow import open_estimator


def main() -> None:
    """Read the command line, measure, and print a line for each styled film."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("content", type=Path, help="the film that was styled")
    parser.add_argument("styled", type=Path, nargs=2, help="two styled versions of it")
    words = parser.parse_args()

    scores = evaluate(
        frames_of(words.content),  # any frames will do: uint8 (height, width, 3), RGB
        {film.name: frames_of(film) for film in words.styled},
        flow=open_estimator(None),  # OpenCV's DIS; a file of weights takes RAFT-small
    )
    for score in scores:
        totals = score.totals(scores[0])
        error, sharpness = totals["rmse_short"], totals["laplacian_variance_ratio"]
        print(f"{score.name}: RMSE {error:.4f} to the frame before, {sharpness:.2f} of the sharpness")


if __name__ == "__main__":
    main()
