"""Whether NVDEC is taken for a stream: only where it begins with the frame that the CPU begins with."""

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np

from tsn.runtime.errors import UnavailableError
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.video.colour import Colour
from tsn.runtime.video.decoders import OpenDecoder
from tsn.runtime.video.nvdec.decoder import nvdec_for
from tsn.runtime.video.nvdec.frames import HostFrames, OnDevice

_NEAR = 2  # levels of 255: what decoders of one standard may differ by, once their frames are RGB


@dataclass(frozen=True, slots=True, kw_only=True)
class NvdecWay:
    """A way to decode a stream with NVDEC."""

    open_decoder: OpenDecoder
    why_on_host: str | None  # None: frames stay on the GPU; empty: because that way failed

    def reason(self, *, before: str) -> str:
        """Return why this way is taken, where the way before it failed for the reason `before`."""
        if self.why_on_host is None:
            return "its first frame is that of the CPU, and frames stay on the GPU"
        return f"its first frame is that of the CPU, and frames are copied to the host: {self.why_on_host or before}"


def nvdec_ways(stream: av.VideoStream, like: av.VideoFrame, colour: Colour, on_device: OnDevice) -> Iterator[NvdecWay]:
    """Yield the ways to decode a stream with NVDEC, the best first: its frames on the GPU, then copied to the host.

    Args:
        like: a frame of the stream, as the CPU decodes it.
        on_device: how frames stay on the GPU, or why they do not.

    Raises UnavailableError where NVDEC does not decode such a stream as the CPU does.
    """
    nvdec = nvdec_for(stream, like)
    if not isinstance(on_device, str):
        try:
            take = on_device(like, nvdec.depth, colour)
        except UnavailableError as error:
            on_device = error.reason
        else:
            yield NvdecWay(open_decoder=nvdec.opened(take), why_on_host=None)
            on_device = ""
    yield NvdecWay(open_decoder=nvdec.opened(HostFrames(like, nvdec.depth)), why_on_host=on_device)


def refuse_other_frame(found: FrameBuffer, expected: FrameBuffer) -> None:
    """Raise UnavailableError where NVDEC's first frame is not the one that the CPU begins with."""
    if found.size != expected.size:
        raise UnavailableError(f"NVDEC's first frame of it is {found.size} instead of {expected.size}")
    distance = int(np.abs(found.rgb().astype(np.int16) - expected.rgb()).max())
    if distance > _NEAR:
        raise UnavailableError(f"NVDEC's first frame of it differs from the CPU's by {distance} levels")
