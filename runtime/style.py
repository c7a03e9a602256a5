"""The style of a run: pictures and named styles, weighted, as one mean and one standard deviation."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Backend, Session, Tensor
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.errors import InputError, UsageError
from tsn.runtime.files import refuse_url
from tsn.runtime.pictures.reader import read_picture, refuse_small

LARGEST_WEIGHT = 1e6  # of a style in a mix


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleChoice:
    """A style of the bundle or a picture file, and its weight in a mix. Raises UsageError for a weight out of range."""

    source: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight <= LARGEST_WEIGHT:
            raise UsageError(
                f"the weight {self.weight:g} of the style {self.source} must be above 0 and at most "
                f"{LARGEST_WEIGHT:,.0f}",
                cure=f"Write for example --style {self.source}:0.7",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a choice as the command line gives it: "starry_night", "a.jpg" or "a.jpg:0.7"."""
        source, colon, number = text.rpartition(":")
        try:
            weight = float(number)
        except ValueError:
            return cls(source=text)
        if not colon or not source:
            return cls(source=text)
        return cls(source=source, weight=weight)

    @property
    def label(self) -> str:
        """The style's name, or the picture's without folder and suffix: a part of output names."""
        return Path(self.source).stem


def mixed_style(
    bundle: Bundle, backend: Backend, choices: Sequence[StyleChoice], *, size: int
) -> tuple[Tensor, Tensor]:
    """Return mean and std (C,) of the weighted mix of `choices`, on the device. Weights are scaled to sum to 1.

    Args:
        size: pixels to which the shorter side of a style picture is reduced before it is encoded.

    Raises:
        InputError: a name that the bundle lacks, or a picture that cannot be used.
    """
    total = sum(choice.weight for choice in choices)
    encoder: Session | None = None
    means: list[NDArray[np.float32]] = []
    stds: list[NDArray[np.float32]] = []
    for choice in choices:
        if choice.source in bundle.manifest.styles:
            mean, std = bundle.manifest.styles[choice.source].arrays()
        else:
            picture = _style_picture(bundle, choice.source, size)
            encoder = encoder or backend.load(bundle.network("style"))
            outputs = encoder(image=backend.upload(picture[None]))
            mean, std = outputs["mean"].numpy(), outputs["std"].numpy()
        means.append(mean * np.float32(choice.weight / total))
        stds.append(std * np.float32(choice.weight / total))
    return backend.upload(np.sum(means, axis=0)), backend.upload(np.sum(stds, axis=0))


def _style_picture(bundle: Bundle, source: str, size: int) -> NDArray[np.uint8]:
    refuse_url(source)
    path = Path(source)
    if not path.is_file():
        names = sorted(bundle.manifest.styles)
        near = difflib.get_close_matches(source, names, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise InputError(
            f"'{source}' is neither a style of this bundle nor a picture file. {hint}"
            f"Styles: {', '.join(names) or 'none'}; or give the path of a picture"
        )
    picture = read_picture(path, shorter_side=size)
    refuse_small(picture, path, minimum_side=bundle.manifest.networks["style"].minimum_side)
    return picture
