"""Animated WebP, which FFmpeg does not decode: as a film without loss, in a temporary file."""

from __future__ import annotations

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from PIL import Image

_MILLISECOND: Final = Fraction(1, 1000)  # what its times are in
_LEAST: Final = 10  # milliseconds: players show a picture of 0 so long


def is_animated_webp(path: Path) -> bool:
    """Whether a file is a WebP whose header says that it moves."""
    with path.open("rb") as file:
        start = file.read(21)
    return start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) == 21 and bool(start[20] & 2)


@contextmanager
def film_of_webp(path: Path) -> Generator[Path]:
    """Give a film with the pictures of an animated WebP, each for as long; transparency is laid on white.

    It is removed in the end. Raises OSError and the like where the WebP is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="tsn-") as folder:
        film = Path(folder) / f"{path.stem}.mkv"
        with Image.open(path) as image, av.open(str(film), "w") as container:
            _write(image, container)
        yield film


def _write(image: Image.Image, container: Any) -> None:
    stream = container.add_stream("ffv1", rate=25)
    stream.width, stream.height, stream.pix_fmt = image.width, image.height, "bgr0"
    stream.time_base = stream.codec_context.time_base = _MILLISECOND
    ends: dict[int, int] = {}
    at = 0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        layer = image.convert("RGBA")  # decodes, and only then says for how long
        rgb = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
        frame = av.VideoFrame.from_ndarray(np.asarray(rgb), format="rgb24")
        frame.pts, frame.time_base = at, _MILLISECOND
        ends[at] = at + max(_LEAST, round(image.info.get("duration", 0)))
        at = ends[at]
        for packet in stream.encode(frame):
            packet.duration = ends[packet.pts] - packet.pts
            container.mux(packet)
    container.mux(stream.encode(None))
