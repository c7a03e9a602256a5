"""NVENC, the encoder of an NVIDIA GPU, through FFmpeg."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from av.error import FFmpegError

from tsn.runtime.errors import UnavailableError
from tsn.runtime.geometry import Size

H264: Final = "h264_nvenc"
_SIZE: Final = Size(256, 256)  # every NVENC takes it

# Constant quality. Without frames that refer to later ones: FFmpeg's times of decoding count them as one tick each,
# which is too little for a time base finer than the frame rate.
_OPTIONS: Final[Mapping[str, str]] = {"preset": "p5", "tune": "hq", "rc": "vbr", "b": "0", "bf": "0"}


def nvenc_options(quality: int) -> dict[str, str]:
    """How to encode at a constant quality, on the scale 0 (best) to 51."""
    return {**_OPTIONS, "cq": str(quality)}


def try_nvenc(encoder: str = H264, *, size: Size = _SIZE, options: Mapping[str, str] = _OPTIONS) -> None:
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
