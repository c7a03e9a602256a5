"""Photos, styles and clips as crops, each drawn from nothing but the seed and its number: so any order, split or
restart of the numbers gives the same crops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from tsn.runtime.errors import InputError
from tsn.runtime.pictures.formats import SUFFIXES
from tsn.runtime.pictures.reader import read_picture
from tsn.train.config import Config
from tsn.train.data.clips import Clips
from tsn.train.data.draws import CONTENT, STYLE, crop, order
from tsn.train.data.files import find_files


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One content crop and the styles it is to take."""

    content: Tensor  # uint8 (3, S, S)
    styles: Tensor | None  # uint8 (K, 3, T, T), or None where a pool holds them
    picks: Tensor  # int64 (K,): of the pool, where there is one
    motion: Tensor  # float32 (4,): see losses.motion_grid
    pair: Tensor | None  # uint8 (2, 3, S, S): consecutive frames of a clip, or None where there are no clips
    unreadable: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The samples of one step in one process. Content i takes the styles i * K to i * K + K - 1."""

    content: Tensor  # uint8 (B / K, 3, S, S)
    styles: Tensor | None  # uint8 (B, 3, T, T)
    picks: Tensor  # int64 (B,)
    motion: Tensor  # float32 (B / K, 4)
    pairs: Tensor | None  # uint8 (B / K, 2, 3, S, S); pair i takes the styles of content i
    unreadable: tuple[str, ...]


def collate(samples: Sequence[Sample]) -> Batch:
    """Join samples to a batch."""
    styles = [sample.styles for sample in samples if sample.styles is not None]
    pairs = [sample.pair for sample in samples if sample.pair is not None]
    return Batch(
        content=torch.stack([sample.content for sample in samples]),
        styles=torch.cat(styles) if styles else None,
        picks=torch.cat([sample.picks for sample in samples]),
        motion=torch.stack([sample.motion for sample in samples]),
        pairs=torch.stack(pairs) if pairs else None,
        unreadable=tuple(name for sample in samples for name in sample.unreadable),
    )


def find_pictures(place: Path) -> list[Path]:
    """Find all pictures in a folder and those in it, sorted; or the one picture. Raises InputError if there is none."""
    return find_files(place, SUFFIXES, kind="picture")


@dataclass
class Pictures:
    """Pictures to cut crops from. A folder's share of the crops does not depend on how many pictures it holds.

    Remembers which files could not be read, so that none is tried twice.
    """

    folders: Sequence[Sequence[Path]]
    shorter_side: tuple[int, int]  # least and most, pixels
    unreadable: dict[Path, str] = field(default_factory=dict)

    def refuse_unreadable(self) -> None:
        """Raise InputError where no picture of a folder can be read: now, and not in a process of the loader."""
        for folder in self.folders:
            Pictures([folder], self.shorter_side).crop(1, np.random.default_rng(0), first=0)

    def crop(self, size: int, random: np.random.Generator, *, first: int | None = None) -> NDArray[np.uint8]:
        """Return a crop (size, size, 3) of picture `first` of the first folder, or of any picture.

        If one cannot be read, the next is taken. Raises InputError if none can.
        """
        folder = self.folders[0 if first is not None else int(random.integers(len(self.folders)))]
        start = first if first is not None else int(random.integers(len(folder)))
        shorter = int(random.integers(self.shorter_side[0], self.shorter_side[1] + 1))
        for step in range(len(folder)):
            path = folder[(start + step) % len(folder)]
            if path in self.unreadable:
                continue
            try:
                picture = read_picture(path, shorter_side=shorter)
            except InputError as error:
                self.unreadable[path] = str(error)
                continue
            return crop(_enlarged(picture, shorter), size, random)
        raise InputError(
            f"none of the {len(folder)} pictures in {folder[0].parent} can be read: {self.unreadable[folder[0]]}"
        )


class Crops(Dataset[Sample]):
    """Samples by number: epoch x photos + place in the epoch's order."""

    def __init__(self, contents: Pictures, styles: Pictures, config: Config, clips: Clips | None = None) -> None:
        self.contents = contents
        self.styles = styles
        self.clips = clips
        self.config = config

    def __len__(self) -> int:
        return len(self.contents.folders[0])

    def __getitem__(self, number: int) -> Sample:
        config, count = self.config, len(self)
        known = len(self._unreadable())
        epoch, place = divmod(number, count)
        random = np.random.default_rng((config.seed, CONTENT, number))
        content = self.contents.crop(config.image_size, random, first=int(order(config.seed, epoch, count)[place]))
        if random.integers(2):
            content = content[:, ::-1]
        limit = config.motion
        motion = [*random.uniform(-limit, limit, 2), *random.uniform(-limit, limit, 2) / config.image_size]
        random = np.random.default_rng((config.seed, STYLE, number))
        picks = random.integers(max(config.style_pool, 1), size=config.styles_per_content)
        styles = None
        if not config.style_pool:
            crops = [style_crop(self.styles, config, random) for _ in range(config.styles_per_content)]
            styles = torch.stack([as_tensor(crop) for crop in crops])
        pair = self.clips.pair(number) if self.clips is not None else None
        bad = self._unreadable()
        return Sample(
            content=as_tensor(content),
            styles=styles,
            picks=torch.from_numpy(picks),
            motion=torch.tensor(motion, dtype=torch.float32),
            pair=pair,
            unreadable=tuple(bad) if len(bad) > known else (),
        )

    def _unreadable(self) -> list[str]:
        """Return the reason for each file that could not be read so far."""
        found = [*self.contents.unreadable.values(), *self.styles.unreadable.values()]
        return found if self.clips is None else [*found, *self.clips.unreadable.values()]


class Numbers(Sampler[int]):
    """The sample numbers of one process, step by step: all processes together take each photo once an epoch.

    Step s of W processes with n contents each takes the places s W n to (s + 1) W n - 1; process r the r-th part: the
    same samples that one process with W times the batch would take. The rest of an epoch is not used.
    """

    def __init__(self, *, photos: int, contents: int, epochs: int, rank: int = 0, world: int = 1) -> None:
        self.photos, self.contents, self.epochs, self.rank, self.world = photos, contents, epochs, rank, world
        self.first_step = 0  # set to where a resumed run goes on
        if self.steps_per_epoch == 0:
            raise InputError(
                f"there are {photos} photos, but one step takes {contents * world}. "
                "Give more photos or a smaller --batch-size"
            )

    @property
    def steps_per_epoch(self) -> int:
        return self.photos // (self.contents * self.world)

    def __len__(self) -> int:
        return (self.epochs * self.steps_per_epoch - self.first_step) * self.contents

    def __iter__(self) -> Iterator[int]:
        for step in range(self.first_step, self.epochs * self.steps_per_epoch):
            epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
            start = epoch * self.photos + (step_in_epoch * self.world + self.rank) * self.contents
            yield from range(start, start + self.contents)


def style_crop(styles: Pictures, config: Config, random: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a style crop (T, T, 3), its colours changed if the config says so."""
    crop = styles.crop(config.style_size or config.image_size, random)
    if not config.augment_styles:
        return crop
    if random.integers(2):
        crop = crop[:, ::-1]
    return recoloured(crop, random) if random.integers(2) else crop


def recoloured(picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Turn the hue of a picture, strengthen or weaken its colours, change contrast and brightness."""
    values = picture.astype(np.float32) / 255
    grey = values.mean(axis=2, keepdims=True)
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0.3, 1.5)
    third = 2 * np.pi / 3  # a turn about the grey axis is a cyclic matrix of three cosines
    turn = np.array([[(1 + 2 * np.cos(angle + (i - j) * third)) / 3 for j in range(3)] for i in range(3)], np.float32)
    values = grey + ((values - grey) @ turn.T) * np.float32(strength)
    values = (values - 0.5) * np.float32(random.uniform(0.4, 1.3)) + np.float32(0.5 + random.uniform(-0.1, 0.1))
    return np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)


def as_tensor(picture: NDArray[np.uint8]) -> Tensor:
    """Return a picture (H, W, 3) as uint8 (3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))


def as_images(crops: Tensor, device: torch.device) -> Tensor:
    """Return crops uint8 (N, 3, H, W) as float32 in 0..1 on the device."""
    return crops.to(device).float() / 255


def _enlarged(picture: NDArray[np.uint8], shorter_side: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    if min(height, width) >= shorter_side:
        return picture
    scale = shorter_side / min(height, width)
    size = max(shorter_side, round(width * scale)), max(shorter_side, round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
