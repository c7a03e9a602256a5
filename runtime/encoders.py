"""Which encoder writes which file, and how."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import av

from tsn.runtime.errors import UnavailableError, UsageError
from tsn.runtime.geometry import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A video codec, the encoder for it and the span of its constant-quality scale.

    `worst` and `best` are CRF values for quality 0 and 100.
    """

    encoder: str
    worst: int
    best: int
    options: Mapping[str, str]
    odd_sizes: str  # the pixel format for frames with an odd side: 4:2:0 H.264 and HEVC cannot have one


CODECS: Mapping[str, Codec] = {
    "h264": Codec(encoder="libx264", worst=40, best=8, options={"preset": "veryfast"}, odd_sizes="yuv444p"),
    "hevc": Codec(
        encoder="libx265",
        worst=42,
        best=10,
        options={"preset": "fast", "x265-params": "log-level=error"},
        odd_sizes="yuv444p",
    ),
    "av1": Codec(encoder="libsvtav1", worst=60, best=14, options={"preset": "8"}, odd_sizes="yuv420p"),
    "vp9": Codec(
        encoder="libvpx-vp9",
        worst=56,
        best=10,
        options={"b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
        odd_sizes="yuv420p",
    ),
}

LEAST_AV1 = 32  # pixels a side: SVT-AV1 hangs on wide frames of a few lines

# What each container holds; the first is the default.
CONTAINERS: Mapping[str, tuple[str, ...]] = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9"),
    ".webm": ("vp9", "av1"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """An encoder with its settings."""

    encoder: str
    pixel_format: str
    options: Mapping[str, str]


def check_container(path: Path, codec: str | None) -> str:
    """The codec for `path`. Raises UsageError for an unknown suffix or a codec that the container does not hold."""
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(f"{path} has no suffix of a video that can be written. Use one of: {' '.join(CONTAINERS)}")
    held = CONTAINERS[suffix]
    if codec is not None and codec not in held:
        raise UsageError(f"{suffix} files hold no {codec} here, only {', '.join(held)}. Use --codec {held[0]} or .mkv")
    return codec or held[0]


def choose_encoding(path: Path, *, codec: str | None, size: Size, quality: int) -> Encoding:
    """How to encode frames of `size` into `path`, at quality 0..100. Raises UsageError or UnavailableError."""
    name = check_container(path, codec)
    chosen = CODECS[name]
    if chosen.encoder not in av.codecs_available:
        raise UnavailableError(f"PyAV was built without {chosen.encoder}. Choose another --codec: {', '.join(CODECS)}")
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes its settings to stderr otherwise
    if name == "av1" and min(size.width, size.height) < LEAST_AV1:
        raise UsageError(f"AV1 takes frames from {LEAST_AV1} pixels a side on, these are {size}. Use --codec h264")
    odd = size.width % 2 or size.height % 2
    crf = round(chosen.worst + (chosen.best - chosen.worst) * quality / 100)
    return Encoding(
        encoder=chosen.encoder,
        pixel_format=chosen.odd_sizes if odd else "yuv420p",
        options={**chosen.options, "crf": str(crf)},
    )
