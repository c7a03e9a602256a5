"""Which encoder writes which file, and how."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError

from tsn.runtime.errors import UnavailableError, UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Choice, EncoderName


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """A video codec, the encoders for it and the span of its constant-quality scale.

    `worst` and `best` are CRF values for quality 0 and 100, `least_side` is in pixels, `most_rate` in frames a second.
    """

    encoder: str
    worst: int
    best: int
    options: Mapping[str, str]
    odd_sizes: str  # the pixel format for frames with an odd side: 4:2:0 H.264 and HEVC cannot have one
    least_side: int = 1
    nvenc: str | None = None  # the encoder on an NVIDIA GPU
    most_rate: int | None = None  # that the encoder lets itself be told; the frames may follow each other faster


CODECS: Mapping[str, Codec] = {
    "h264": Codec(
        encoder="libx264", worst=40, best=8, options={"preset": "veryfast"}, odd_sizes="yuv444p", nvenc="h264_nvenc"
    ),
    "hevc": Codec(
        encoder="libx265",
        worst=42,
        best=10,
        options={"preset": "fast", "x265-params": "log-level=error"},
        odd_sizes="yuv444p",
        least_side=16,
        nvenc="hevc_nvenc",
    ),
    "av1": Codec(
        encoder="libsvtav1",
        worst=60,
        best=14,
        options={"preset": "8"},
        odd_sizes="yuv420p",
        least_side=32,  # SVT-AV1 hangs on wide frames of a few lines
        most_rate=240,
    ),
    "vp9": Codec(
        encoder="libvpx-vp9",
        worst=56,
        best=10,
        options={"b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"},
        odd_sizes="yuv420p",
    ),
}

NVENC_H264: Final = "h264_nvenc"
_NVENC_TRIAL: Final = Size(256, 256)  # every NVENC takes it

# Constant quality. Without frames that refer to later ones: FFmpeg's times of decoding count them as one tick each,
# which is too little for a time base finer than the frame rate.
_NVENC_OPTIONS: Final[Mapping[str, str]] = {"preset": "p5", "tune": "hq", "rc": "vbr", "b": "0", "bf": "0"}

MOST_THREADS = 16  # of an encoder: x265 takes no more

# What each container holds; the first is the default.
CONTAINERS: Mapping[str, tuple[str, ...]] = {
    ".mp4": ("h264", "hevc", "av1", "vp9"),
    ".m4v": ("h264", "hevc"),
    ".mov": ("h264", "hevc"),
    ".mkv": ("h264", "hevc", "av1", "vp9"),
    ".webm": ("vp9", "av1"),
}


# How MP4 and MOV name a codec where FFmpeg's own choice is not what all players read: Apple's refuse hev1.
_TAGS: Mapping[str, str] = {"hevc": "hvc1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """An encoder with its settings; 0 threads are as many as it likes."""

    encoder: str
    pixel_format: str
    rate: Fraction  # frames a second, as the encoder is told
    threads: int
    options: Mapping[str, str]
    choice: Choice  # of NVENC or the CPU


def check_container(path: Path, codec: str | None) -> str:
    """The codec for `path`. Raises UsageError for an unknown suffix or a codec that the container does not hold."""
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(f"{path} has no suffix of a video that can be written. Use one of: {' '.join(CONTAINERS)}")
    held = CONTAINERS[suffix]
    if codec is not None and codec not in held:
        raise UsageError(
            f"{suffix} files hold no {codec} here, only {', '.join(held)}", cure=f"Use --codec {held[0]} or .mkv"
        )
    return codec or held[0]


def codec_tag(container: str, codec: str) -> str | None:
    """The name that a container format has for a codec, where FFmpeg is to be told it."""
    return _TAGS.get(codec) if container in ("mp4", "mov") else None


def format_for(path: Path) -> str | None:
    """FFmpeg's name of the container for a file, where its own choice by the suffix is not what is held here."""
    return "mp4" if path.suffix.lower() == ".m4v" else None  # its own, ipod, takes no HEVC


def choose_encoding(
    path: Path,
    *,
    codec: str | None,
    size: Size,
    rate: Fraction,
    quality: int,
    threads: int | None,
    asked: EncoderName = "auto",
    gpu: bool = False,
) -> Encoding:
    """How to encode frames of `size` into `path`, at quality 0..100. Raises UsageError or UnavailableError.

    Auto is NVENC where the networks run on a `gpu` and NVENC takes such frames.
    """
    name = check_container(path, codec)
    chosen = CODECS[name]
    crf = round(chosen.worst + (chosen.best - chosen.worst) * quality / 100)
    reason = "--encoder cpu" if asked == "cpu" else "the networks run on the CPU"
    if asked == "nvenc" or (asked == "auto" and gpu):
        try:
            return _on_gpu(name, size=size, rate=rate, quality=crf)
        except UnavailableError as error:
            if asked == "nvenc":
                raise UnavailableError(str(error), cure="Leave --encoder nvenc out, or use --encoder cpu") from error
            reason = str(error)
    if chosen.encoder not in av.codecs_available:
        raise UnavailableError(
            f"PyAV was built without {chosen.encoder}", cure=f"Choose another --codec: {', '.join(CODECS)}"
        )
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 writes its settings to stderr otherwise
    if min(size.width, size.height) < chosen.least_side:
        other = next(held for held in CONTAINERS[path.suffix.lower()] if CODECS[held].least_side == 1)
        raise UsageError(
            f"{name} takes frames from {chosen.least_side} pixels a side on, these are {size}",
            cure=f"Use --codec {other}, or enlarge them with --size",
        )
    odd = size.width % 2 or size.height % 2
    return Encoding(
        encoder=chosen.encoder,
        choice=Choice(chosen.encoder, reason),
        pixel_format=chosen.odd_sizes if odd else "yuv420p",
        rate=rate if chosen.most_rate is None else min(rate, Fraction(chosen.most_rate)),
        threads=min(threads or 0, MOST_THREADS),
        options={**chosen.options, "crf": str(crf)},
    )


def _on_gpu(name: str, *, size: Size, rate: Fraction, quality: int) -> Encoding:
    """NVENC, at the quality that the encoder on the CPU would get. Raises UnavailableError where it cannot."""
    encoder = CODECS[name].nvenc
    if encoder is None:
        raise UnavailableError(f"NVENC is used for h264 and hevc; this is {name}")
    if size.width % 2 or size.height % 2:
        raise UnavailableError(f"NVENC is used for frames with even sides; these are {size}")
    options = nvenc_options(quality)
    try_nvenc(encoder, size=size, options=options)
    choice = Choice(encoder, "NVENC takes such frames")
    return Encoding(encoder=encoder, pixel_format="yuv420p", rate=rate, threads=0, options=options, choice=choice)


def nvenc_options(quality: int) -> dict[str, str]:
    """How to encode at a constant quality, on the scale 0 (best) to 51."""
    return {**_NVENC_OPTIONS, "cq": str(quality)}


def try_nvenc(
    encoder: str = NVENC_H264, *, size: Size = _NVENC_TRIAL, options: Mapping[str, str] = _NVENC_OPTIONS
) -> None:
    """Encode one frame: that FFmpeg knows NVENC says nothing of the driver and the GPU.

    Raises UnavailableError where it does not start, for frames of `size`.
    """
    try:
        codec: Any = av.CodecContext.create(encoder, "w")
        codec.width, codec.height, codec.pix_fmt, codec.framerate = size.width, size.height, "yuv420p", Fraction(25)
        codec.time_base, codec.options = Fraction(1, 25), dict(options)
        frame = av.VideoFrame.from_ndarray(np.zeros((size.height * 3 // 2, size.width), np.uint8), format="yuv420p")
        frame.pts, frame.time_base = 0, codec.time_base
        codec.encode(frame)
        codec.encode(None)
    except (FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnavailableError(
            f"{encoder} does not start for frames of {size}: {reason}. It needs a driver and a GPU with an encoder, "
            "which H100, H200 and A100 lack"
        ) from error
