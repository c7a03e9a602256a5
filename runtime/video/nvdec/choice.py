"""Whether NVDEC is taken for a stream: only where it begins with the frame that the CPU begins with."""

from collections.abc import Callable

import av
import numpy as np

from tsn.runtime.errors import UnavailableError
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.settings import Choice
from tsn.runtime.video.colour import Colour
from tsn.runtime.video.decoders import OpenDecoder
from tsn.runtime.video.nvdec.decoder import CURE, nvdec_for
from tsn.runtime.video.nvdec.frames import Decoded, HostFrames, OnDevice

_NEAR = 2  # levels of 255: what decoders of one standard may differ by, once their frames are RGB


def choose_nvdec(
    stream: av.VideoStream,
    expected: av.VideoFrame,
    colour: Colour,
    on_device: OnDevice,
    *,
    begin: Callable[[OpenDecoder], Decoded | None],
    pixels: Callable[[Decoded], FrameBuffer],
) -> tuple[Choice, Decoded]:
    """NVDEC, with its frames on the GPU or, where that fails, copied to the host; and its first frame.

    Args:
        expected: the first frame, as the CPU decodes it.
        begin: reads the stream anew with a decoder, up to its first frame.
        pixels: what is shown of a frame.

    Raises UnavailableError where it cannot decode the stream, or begins with something else.
    """
    nvdec = nvdec_for(stream, expected)
    if not isinstance(on_device, str):
        try:
            first = begin(nvdec.opened(on_device(expected, nvdec.depth, colour)))
            found = _same(first, expected, pixels)
        except UnavailableError as error:
            on_device = str(error).removesuffix(CURE)
        else:
            return Choice("nvdec", "its first frame is that of the CPU, and frames stay on the GPU"), found
    first = begin(nvdec.opened(HostFrames(expected, nvdec.depth)))
    reason = f"its first frame is that of the CPU, and frames are copied to the host: {on_device}"
    return Choice("nvdec", reason), _same(first, expected, pixels)


def _same(found: Decoded | None, expected: Decoded, pixels: Callable[[Decoded], FrameBuffer]) -> Decoded:
    """`found`, a decoder's first frame. Raises UnavailableError where it is not the one that the CPU begins with."""
    if found is None:
        raise UnavailableError("NVDEC gives no frame of it")
    if found.pts != expected.pts:
        raise UnavailableError(f"NVDEC begins with another frame of it: at {found.pts} instead of {expected.pts} ticks")
    if pixels(found).size != pixels(expected).size:
        raise UnavailableError(f"NVDEC's first frame of it is {pixels(found).size} instead of {pixels(expected).size}")
    distance = int(np.abs(pixels(found).rgb().astype(np.int16) - pixels(expected).rgb()).max())
    if distance > _NEAR:
        raise UnavailableError(f"NVDEC's first frame of it differs from the CPU's by {distance} levels")
    return found
