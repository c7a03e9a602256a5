"""BUNDLE and INPUT of tsn-run: what was meant where the words are something else."""

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from tsn.runtime.bundle.folder import is_bundle, open_bundle, shipped_bundles
from tsn.runtime.errors import UsageError
from tsn.runtime.files import refuse_url
from tsn.runtime.pictures.formats import SUFFIXES
from tsn.runtime.video.encoders import CONTAINERS

_VIDEOS = (*CONTAINERS, ".avi", ".flv", ".m2ts", ".mpeg", ".mpg", ".mts", ".ts", ".wmv", ".3gp")
_FEW = 3  # words that a message names


def check_arguments(words: Sequence[str], *, styles: Sequence[str] = ()) -> None:
    """Raise UsageError, with the line that was probably meant, where `words` are not one bundle and one input.

    Args:
        words: at least one.
        styles: those that are given with --style.

    Raises BundleError where the first word is neither, InputError where one is a URL.
    """
    for word in words:
        refuse_url(word)
    first = words[0]
    bundle = next((word for word in words if is_bundle(word) and not _is_media(word)), None)
    if bundle is None and not _is_media(first) and not _holds_pictures(first):
        open_bundle(first)  # says that there is none, or what is wrong with it
    named = bundle or next(iter(shipped_bundles()), "bundle/")
    known = list(open_bundle(named).manifest.styles) if is_bundle(named) else []
    rest = [word for word in words if word != bundle]
    source, chosen = _input_and_styles(rest, known)
    shown = [*styles, *chosen] or sorted(known)[:1] or ["painting.jpg"]
    options = [word for style in shown for word in ("--style", style)]
    cure = f"Write: {shlex.join(['tsn-run', named, source or 'in.mp4', *options])}"
    if bundle is None:
        raise UsageError(f"{first} is an input, and no bundle is given", cure=cure)
    if bundle != first:
        raise UsageError(f"{first} and {bundle} are swapped: the bundle comes first", cure=cure)
    if source is None and chosen:
        raise UsageError(f"{chosen[0]} is a style of {bundle}, and no input is given", cure=cure)
    if source is None:
        raise UsageError("no input is given: a video, a picture or a folder of pictures", cure=cure)
    if chosen:
        raise UsageError(f"a style is given with --style: {', '.join(chosen)}", cure=cure)
    if len(rest) > 1:
        raise UsageError(
            f"one run takes one input, and here are {len(rest)}: {', '.join(rest[:_FEW])}"
            + (" and more" if len(rest) > _FEW else ""),
            cure="Give them one after the other, or pictures as their folder",
        )


def _input_and_styles(words: Sequence[str], known: Collection[str]) -> tuple[str | None, list[str]]:
    """Which of `words` is the input, and which are styles: `known` names, or a picture beside one other file."""
    names = [word for word in words if word in known and not Path(word).exists()]
    files = [word for word in words if word not in names]
    if len(files) == 2 and any(Path(file).suffix.lower() in SUFFIXES for file in files):
        source = next((file for file in files if Path(file).suffix.lower() not in SUFFIXES), files[0])
        return source, [*names, *(file for file in files if file != source)]
    return next(iter(files), None), names


def _is_media(word: str) -> bool:
    return Path(word).suffix.lower() in (*SUFFIXES, *_VIDEOS)


def _holds_pictures(word: str) -> bool:
    folder = Path(word)
    return folder.is_dir() and any(path.suffix.lower() in SUFFIXES for path in folder.iterdir())
