"""NVDEC in place of the CPU: only where it begins with the frame that the CPU begins with."""

from pathlib import Path

import av
import numpy as np

from tsn.runtime.errors import UnavailableError
from tsn.runtime.settings import Choice
from tsn.runtime.video.colour import RgbFromVideo
from tsn.runtime.video.container import Part, Reading, begin_reading
from tsn.runtime.video.decoders import OpenDecoder
from tsn.runtime.video.nvdec.decoder import nvdec_for
from tsn.runtime.video.nvdec.frames import Decoded, HostFrames, OnDevice, buffer_of

_NEAR = 2  # levels of 255: what decoders of one standard may differ by, once their frames are RGB
_SAME = "its first frame is that of the CPU, and frames"


def begin_with_nvdec(
    path: Path, part: Part, cpu: Reading, to_rgb: RgbFromVideo, on_device: OnDevice
) -> tuple[Reading, Choice]:
    """Begin a reading with NVDEC in place of one by the CPU, which is closed in any case: one decoder at a time.

    Its frames stay on the GPU or, where that fails, are copied to the host.

    Args:
        cpu: a reading that stands at its first frame.
        to_rgb: makes RGB of what the CPU decodes.
        on_device: how frames stay on the GPU, or why they do not.

    Raises UnavailableError where NVDEC cannot decode the video, or begins with something else than the CPU.
    """
    expected = cpu.first
    assert isinstance(expected, av.VideoFrame)
    try:
        nvdec = nvdec_for(cpu.stream, expected)
    finally:
        cpu.close()
    if isinstance(on_device, str):
        reason = on_device
    else:
        try:
            take = on_device(expected, nvdec.depth, to_rgb.colour)
            reading = _begin(path, part, nvdec.opened(take), expected, to_rgb)
        except UnavailableError as error:
            reason = error.reason
        else:
            return reading, Choice("nvdec", f"{_SAME} stay on the GPU")
    reading = _begin(path, part, nvdec.opened(HostFrames(expected, nvdec.depth)), expected, to_rgb)
    return reading, Choice("nvdec", f"{_SAME} are copied to the host: {reason}")


def _begin(path: Path, part: Part, open_decoder: OpenDecoder, expected: Decoded, to_rgb: RgbFromVideo) -> Reading:
    reading = begin_reading(path, part, open_decoder)
    try:
        _refuse_other(reading.first, expected, to_rgb)
    except BaseException:
        reading.close()
        raise
    return reading


def _refuse_other(found: Decoded | None, expected: Decoded, to_rgb: RgbFromVideo) -> None:
    """Raise UnavailableError where a decoder's first frame is not the one that the CPU begins with."""
    if found is None:
        raise UnavailableError("NVDEC gives no frame of it")
    if found.pts != expected.pts:
        raise UnavailableError(f"NVDEC begins with another frame of it: at {found.pts} instead of {expected.pts} ticks")
    one, other = buffer_of(found, to_rgb), buffer_of(expected, to_rgb)
    if one.size != other.size:
        raise UnavailableError(f"NVDEC's first frame of it is {one.size} instead of {other.size}")
    distance = int(np.abs(one.rgb().astype(np.int16) - other.rgb()).max())
    if distance > _NEAR:
        raise UnavailableError(f"NVDEC's first frame of it differs from the CPU's by {distance} levels")
