"""Whether a style looks the same at every size of the picture: the table in docs/notes/working_size.md.

    python -m tsn.benchmarks.studies.working_size lite PHOTO... --style starry_night.jpg

Each photo is stylized at 540, 720, 1080 and 2160 lines and reduced to 540 again. Printed are the least correlations
of luma, and of its detail, among the sizes: detail is what a Gaussian of 6 pixels takes away. The last column is the
gradient at 1080 lines over that of a Lanczos enlargement of the picture at 540.
"""

from itertools import combinations
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.enlarge import enlarged_picture, reduced_picture
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.pictures.reader import read_picture
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice, mixed_style

LINES = (540, 720, 1080, 2160)
COARSE = 6.0  # pixels of the Gaussian that takes the detail away
Floats = NDArray[np.float32]


def looks(photo: Path, stylizer: Stylizer, settings: Settings) -> dict[int, RGB]:
    """Return the stylized photo by the lines at which it was given."""
    original = Image.fromarray(read_picture(photo))
    found: dict[int, RGB] = {}
    for lines in LINES:
        size = Size(*original.size).fitted(lines)
        content = np.asarray(original.resize((size.width, size.height), Image.Resampling.LANCZOS))
        work = settings.working_size(size)
        styled = stylizer(content if work == size else reduced_picture(content, work))
        found[lines] = styled if work == size else enlarged_picture(styled, content)
    return found


def correlations(one: RGB, other: RGB) -> tuple[float, float]:
    """Return the correlations of the luma of two pictures of one size, and of its detail."""
    lumas = [_luma(rgb) for rgb in (one, other)]
    details = [luma - cv2.GaussianBlur(luma, (0, 0), COARSE) for luma in lumas]
    return _correlation(*lumas), _correlation(*details)


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def gradient(rgb: RGB) -> float:
    """Return the mean length of the gradient of the luma, in levels for a pixel."""
    luma = _luma(rgb)
    return float(np.hypot(np.diff(luma, axis=0)[:, 1:], np.diff(luma, axis=1)[1:]).mean())


def _luma(rgb: RGB) -> Floats:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.float32)


def _reduced(rgb: RGB, size: Size) -> RGB:
    return np.asarray(Image.fromarray(rgb).resize((size.width, size.height), Image.Resampling.LANCZOS))


@click.command(name="working_size")
@click.argument("bundle")
@click.argument("photos", nargs=-1, required=True, type=FILE)
@click.option("--style", required=True, help="A style of the bundle, or a picture.")
@click.option("--native", is_flag=True, help="Without a working size, to compare.")
def command(bundle: str, photos: tuple[Path, ...], style: str, native: bool) -> None:
    """Compare how PHOTOS look in a style at several sizes."""
    settings = Settings(work_lines=None) if native else Settings()
    opened, backend = open_bundle(bundle), open_backend("cpu")
    statistics = mixed_style(opened, backend, [StyleChoice(source=style)], size=settings.style_picture_size)
    stylizer = Stylizer(opened, backend, style=statistics)
    click.echo("| photo | luma | detail | gradient at 1080 over Lanczos |")
    click.echo("|---|---|---|---|")
    for photo in photos:
        found = looks(photo, stylizer, settings)
        height, width, _ = found[LINES[0]].shape
        small = {lines: _reduced(rgb, Size(width, height)) for lines, rgb in found.items()}
        pairs = [correlations(small[one], small[other]) for one, other in combinations(LINES, 2)]
        full = found[1080]
        lanczos = Image.fromarray(found[540]).resize((full.shape[1], full.shape[0]), Image.Resampling.LANCZOS)
        ratio = gradient(full) / gradient(np.asarray(lanczos))
        click.echo(f"| {photo.stem} | {min(p[0] for p in pairs):.3f} | {min(p[1] for p in pairs):.3f} | {ratio:.3f} |")


if __name__ == "__main__":
    run_command(command)
