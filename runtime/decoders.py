"""Who decodes a video: FFmpeg on the CPU, or NVDEC on an NVIDIA GPU."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np

from tsn.runtime.errors import UnavailableError
from tsn.runtime.job import Choice, DecoderName
from tsn.runtime.nvdec_frames import Decoded
from tsn.runtime.pixels import Pixels

if TYPE_CHECKING:
    Packet = av.Packet[Any]  # subscriptable in its stub alone

_NEAR = 2  # levels of 255: what decoders of one standard may differ by, once their frames are RGB


class Decoder(Protocol):
    """Packets in, in the order of the file; frames out, in the order they are shown."""

    def __call__(self, packet: Packet) -> Sequence[Decoded]:
        """The frames that a packet completes; an empty packet, at the end, gives those that are left.

        Raises FFmpegError for a damaged packet, UnavailableError where the decoder itself fails.
        """
        ...

    def unseen(self, first: int | None, last: int | None) -> int:
        """Frames between those shown at `first` and `last`, in ticks, that were silently left out."""
        ...


OpenDecoder = Callable[[av.VideoStream], Decoder]  # for reading the stream from any place on


class CpuDecoder:
    """FFmpeg's decoder. What it leaves out shows only in the number of frames of the whole file."""

    def __init__(self, stream: av.VideoStream) -> None:
        pass

    def __call__(self, packet: Packet) -> Sequence[av.VideoFrame]:
        return packet.decode()

    def unseen(self, first: int | None, last: int | None) -> int:
        return 0


def try_nvdec(asked: DecoderName, *, gpu: bool) -> bool:
    """Whether NVDEC is to be tried, where the networks run on a `gpu` or do not."""
    return asked == "nvdec" or (asked == "auto" and gpu)


def cpu_asked(asked: DecoderName) -> Choice:
    """The CPU, where NVDEC is not to be tried."""
    return Choice("cpu", "--decoder cpu" if asked == "cpu" else "the networks run on the CPU")


def nvdec_chosen(failures: Sequence[Exception], *, on_device: bool) -> Choice:
    """NVDEC, after other ways to use it failed."""
    way = ", and frames stay on the GPU" if on_device else f", copied to the host: {failures[-1]}" if failures else ""
    return Choice("nvdec", f"its first frame is that of the CPU{way}")


def same_frame(found: Decoded | None, expected: Decoded, pixels: Callable[[Decoded], Pixels]) -> Decoded:
    """`found`, a decoder's first frame. Raises UnavailableError where it is not the one that the CPU begins with."""
    if found is None:
        raise UnavailableError("NVDEC gives no frame of it")
    if found.pts != expected.pts:
        raise UnavailableError(f"NVDEC begins with another frame of it: at {found.pts} instead of {expected.pts} ticks")
    distance = int(np.abs(pixels(found).rgb().astype(np.int16) - pixels(expected).rgb()).max())
    if distance > _NEAR:
        raise UnavailableError(f"NVDEC's first frame of it differs from the CPU's by {distance} levels")
    return found
