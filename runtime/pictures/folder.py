"""Pictures from file to file: read, stylized and saved in three threads, each one whole or not at all."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tsn.runtime.enlarge import enlarged_picture, reduced_picture
from tsn.runtime.errors import InputError, OutputError
from tsn.runtime.files import whole_file
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.pictures.formats import SUFFIXES, content_of
from tsn.runtime.pictures.metadata import metadata_of
from tsn.runtime.pictures.reader import read_picture
from tsn.runtime.report import Report
from tsn.runtime.settings import Settings
from tsn.runtime.threads import DEPTH, behind, prefetched

Picture = tuple[Path, RGB | InputError]  # a file, and its picture or why it cannot be read


def pictures_in(folder: Path, *, most: int | None) -> list[Path]:
    """The pictures of a folder in order of their names, `most` of them. Raises InputError where there is none."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    paths = sorted(path for path in found if content_of(path) == "picture")
    if not paths:
        raise InputError(f"the folder {folder} holds no picture. Pictures end in {' '.join(sorted(SUFFIXES))}")
    return paths[:most]


def stylize_pictures(
    paths: Sequence[Path],
    target: Callable[[Path], Path],
    stylizer: Callable[[RGB], RGB],
    report: Report,
    *,
    settings: Settings,
    progress: Callable[[int], None],
) -> None:
    """Stylize each of `paths` into the file that `target` names for it, and fill in the report.

    A picture that cannot be read, or is too small, is passed over, noted and counted as missing. Raises InputError
    where that is so of all.
    """
    stages = report.stages
    started = time.perf_counter()
    with (
        prefetched(_read(paths, settings), depth=DEPTH) as pictures,
        behind(partial(_save, settings), depth=DEPTH) as save,
    ):
        for path, rgb in pictures:
            if isinstance(rgb, InputError):
                if len(paths) == 1:
                    raise rgb
                report.missing += 1
                report.notes.append(str(rgb))
                continue
            report.input_size = report.output_size = _size(rgb) if len(paths) == 1 else None
            begun = time.perf_counter()
            try:
                work = settings.working_size(_size(rgb))
                stylized = stylizer(rgb if work == _size(rgb) else reduced_picture(rgb, work))
            except InputError as error:  # too small for the network
                if len(paths) == 1:
                    raise
                report.missing += 1
                report.notes.append(f"{path}: {error}")
                continue
            stages.stylize += time.perf_counter() - begun
            report.work_size = work if len(paths) == 1 else None
            save((path, target(path), stylized, rgb))
            stages.frames_out += 1
            progress(stages.frames_out)
    stages.frames_in, stages.decode, stages.encode = pictures.count, pictures.busy, save.busy
    stages.wall = time.perf_counter() - started
    if not stages.frames_out:
        raise InputError(f"none of the {len(paths)} pictures in {report.input} can be read: {report.notes[0]}")


def _read(paths: Sequence[Path], settings: Settings) -> Iterator[Picture]:
    for path in paths:
        try:
            rgb = read_picture(path)
        except InputError as error:
            yield path, error
            continue
        size = settings.output_size(_size(rgb))
        if size != _size(rgb):
            image = Image.fromarray(rgb).resize((size.width, size.height), Image.Resampling.LANCZOS)
            rgb = np.asarray(image)
        yield path, rgb


def _save(settings: Settings, picture: tuple[Path, Path, RGB, RGB]) -> None:
    source, path, stylized, content = picture
    rgb = stylized if stylized.shape == content.shape else enlarged_picture(stylized, content)
    quality = 60 + round(settings.quality * 0.4)
    with whole_file(path, overwrite=settings.overwrite) as temporary:
        try:
            Image.fromarray(rgb).save(temporary, quality=quality, subsampling="4:4:4", **metadata_of(source))
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot write {path}: {error}") from error


def _size(rgb: RGB) -> Size:
    height, width, _ = rgb.shape
    return Size(width, height)
