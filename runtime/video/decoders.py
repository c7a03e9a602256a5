"""Who decodes a video: FFmpeg on the CPU, or NVDEC on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import av

from tsn.runtime.settings import Choice, DecoderName
from tsn.runtime.video.nvdec.frames import Decoded

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet


class Decoder(Protocol):
    """Packets in, in the order of the file; frames out, in the order they are shown."""

    def decode(self, packet: Packet) -> Sequence[Decoded]:
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

    def decode(self, packet: Packet) -> Sequence[av.VideoFrame]:
        return packet.decode()

    def unseen(self, first: int | None, last: int | None) -> int:
        return 0


def try_nvdec(asked: DecoderName, *, gpu: bool) -> bool:
    """Whether NVDEC is to be tried, where the networks run on a `gpu` or do not."""
    return asked == "nvdec" or (asked == "auto" and gpu)


def cpu_asked(asked: DecoderName) -> Choice:
    """The CPU, where NVDEC is not to be tried."""
    return Choice("cpu", "--decoder cpu" if asked == "cpu" else "the networks run on the CPU")
