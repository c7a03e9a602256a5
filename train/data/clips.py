"""Consecutive frames of videos, each pair drawn from nothing but the seed and its number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.train.config import Config
from tsn.train.data.draws import CLIP, CLIP_ORDER, crop, order
from tsn.train.data.files import find_files

SUFFIXES = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".webm"}
    | {".wmv", ".y4m"}
)


def find_clips(place: Path) -> list[Path]:
    """Find all videos in a folder and those in it, sorted; or the one video. Raises InputError if there is none."""
    return find_files(place, SUFFIXES, kind="video", named_by="--clips")


@dataclass
class Clips:
    """Videos to take pairs of frames from: each once before any comes again, at a place drawn anew.

    Remembers which files could not be read, so that none is tried twice. No file stays open between pairs: opening
    takes a tenth to a quarter of the time, decoding from the key frame on the rest.
    """

    files: Sequence[Path]
    config: Config
    unreadable: dict[Path, str] = field(default_factory=dict)
    _lengths: dict[Path, tuple[int, Fraction]] = field(default_factory=dict)  # frames, and frames a second

    def refuse_unreadable(self) -> None:
        """Raise InputError where no clip can be read: now, and not in a process of the loader."""
        Clips(self.files, self.config).pair(0)

    def pair(self, number: int) -> Tensor:
        """Return one crop of two consecutive frames, the earlier first: uint8 (2, 3, S, S).

        If a clip cannot be read, the next serves. Raises InputError if none can.
        """
        config, count = self.config, len(self.files)
        turn, place = divmod(number, count)
        clips = order(config.seed, turn, count, stream=CLIP_ORDER)
        random = np.random.default_rng((config.seed, CLIP, number))
        share = float(random.random())
        shorter_side = int(random.integers(config.shorter_side_min, config.shorter_side_max + 1))
        for step in range(count):
            path = self.files[clips[(place + step) % count]]
            if path in self.unreadable:
                continue
            try:
                frames = self._frames(path, share, shorter_side)
            except InputError as error:
                self.unreadable[path] = str(error)
                continue
            part = crop(np.concatenate(frames, axis=2), config.image_size, random)
            part = part[:, ::-1] if random.integers(2) else part
            return torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1))).unflatten(0, (2, 3))
        raise InputError(f"none of the {count} clips can be read: {self.unreadable[self.files[0]]}")

    def _frames(self, path: Path, share: float, shorter_side: int) -> list[RGB]:
        """Read two consecutive frames, at `share` (0..1) of the clip's length.

        If there are none (damage, frames of uneven length), the clip's first two serve, whatever was read before: so a
        resumed run takes the same.
        """
        if path not in self._lengths:
            self._lengths[path] = _length(path)
        count, rate = self._lengths[path]
        # Half a frame early, so that rounding of times takes none away.
        start = max(Fraction(0), (int(share * (count - 1)) - Fraction(1, 2)) / rate)
        try:
            return _two_frames(path, start, shorter_side)
        except InputError:
            return _two_frames(path, Fraction(0), shorter_side)


def _length(path: Path) -> tuple[int, Fraction]:
    """Return the number of frames of a video, and its frames a second."""
    with VideoReader(path, Settings()) as reader:
        if reader.expected is None:
            raise InputError(f"{path} does not say how long it is. Run: ffmpeg -i {path.name} -c copy whole.mp4")
        return reader.expected, reader.rate


def _two_frames(path: Path, start: Fraction, shorter_side: int) -> list[RGB]:
    with VideoReader(path, Settings(start=start, max_frames=2, shorter_side=shorter_side)) as reader:
        frames = [frame.rgb for frame in reader]
        if len(frames) < 2 or reader.damaged or reader.missing:
            raise InputError(f"{path} gives no two whole frames {float(start):.2f} s from its beginning")
        return frames
