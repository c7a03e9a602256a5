"""Decoding with NVDEC through PyNvVideoCodec: PyAV's packets in, frames out.

PyAV stays the demuxer, so times, cuts and what is missing are counted as on the CPU.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import av
from av.bitstream import BitStreamFilterContext

from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.errors import TsnError, UnavailableError, first_line
from tsn.runtime.geometry import Size
from tsn.runtime.video.decoders import OpenDecoder
from tsn.runtime.video.nvdec.frames import Decoded, TakeFrames
from tsn.runtime.video.nvdec.nv12 import EIGHT, TEN, Depth

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet

INSTALL: Final = "pip install PyNvVideoCodec"
_GPU: Final = 0  # the first one, as everywhere
_MACROBLOCK: Final = 256  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class NvdecCodec:
    """What NVDEC calls a codec, and what its packets need first."""

    name: str  # in PyNvVideoCodec's cudaVideoCodec
    annex_b: str | None = None  # the filter that turns MP4's packets into a stream with start codes
    frame_each: bool = True  # every packet shows one frame


NVDEC_CODECS: Final[Mapping[str, NvdecCodec]] = {
    "h264": NvdecCodec(name="H264", annex_b="h264_mp4toannexb"),
    "hevc": NvdecCodec(name="HEVC", annex_b="hevc_mp4toannexb"),
    "vp9": NvdecCodec(name="VP9", frame_each=False),
    "av1": NvdecCodec(name="AV1"),
}
DEPTHS: Final[Mapping[str, Depth]] = {"yuv420p": EIGHT, "yuvj420p": EIGHT, "yuv420p10le": TEN}


@dataclass(frozen=True, slots=True)
class _Fed:
    """A packet that NVDEC was given."""

    pts: int | None
    duration: int | None
    shown: bool  # it is not there for others to refer to alone


class NvdecDecoder:
    """NVDEC for one reading of a stream.

    Each packet goes in under its number in place of its time, and the frame comes out under it. So times stay PyAV's,
    also where there are none, and a frame that does not come out is known.

    Args:
        take: what becomes of a frame.
    """

    def __init__(
        self, stream: av.VideoStream, *, library: Any, codec: NvdecCodec, depth: Depth, take: TakeFrames
    ) -> None:
        self._library, self._codec, self._depth, self._take = library, codec, depth, take
        self._filter: Any = (
            None if codec.annex_b is None else BitStreamFilterContext(_filters(codec.annex_b, stream), stream)
        )
        self._fed: dict[int, _Fed] = {}  # by number; without those that came out
        self._number = 0
        with _failing_as("start"):
            codec_id = getattr(library.cudaVideoCodec, codec.name)
            self._decoder = library.CreateDecoder(gpuid=_GPU, codec=codec_id, **take.options)

    def decode(self, packet: Packet) -> list[Decoded]:
        """The frames that a packet completes: see Decoder."""
        if not packet.size:
            return self._decode(b"")
        fed = _Fed(packet.pts, packet.duration, not packet.is_discard)  # the filter empties the packet
        data = bytes(packet) if self._filter is None else b"".join(bytes(part) for part in self._filter.filter(packet))
        self._number += 1
        self._fed[self._number] = fed
        return self._decode(data) if data else []  # no data would end the stream

    def unseen(self, first: int | None, last: int | None) -> int:
        """Frames between `first` and `last` that NVDEC dropped: see Decoder."""
        if first is None or last is None or not self._codec.frame_each:
            return 0
        return sum(fed.shown and fed.pts is not None and first <= fed.pts < last for fed in self._fed.values())

    def _decode(self, data: bytes) -> list[Decoded]:
        buffer = ctypes.create_string_buffer(data, len(data)) if data else None  # alive until Decode returns
        packet = self._library.PacketData()
        packet.bsl_data = 0 if buffer is None else ctypes.addressof(buffer)
        packet.bsl = len(data)
        packet.pts = self._number
        with _failing_as("decode"):
            # Taken at once: the next call writes over them.
            frames = [self._taken(surface) for surface in self._decoder.Decode(packet)]
        return [frame for frame in frames if frame is not None]

    def _taken(self, surface: Any) -> Decoded | None:
        """A frame of NVDEC's; None for one that is not to be shown."""
        fed = self._fed.pop(surface.getPTS(), None)
        if fed is not None and not fed.shown:
            return None
        if surface.format.name != self._depth.nvdec_format:
            raise RuntimeError(f"its frames are {surface.format.name}, {self._depth.nvdec_format} was expected")
        size = Size(self._decoder.GetWidth(), self._decoder.GetHeight())  # they may change within a stream
        pts, duration = (None, 0) if fed is None else (fed.pts, fed.duration or 0)
        return self._take(surface.GetPtrToPlane(0), size, pts=pts, duration=duration)


def open_library() -> Any:
    """PyNvVideoCodec. Raises UnavailableError, with the cure, where it does not load."""
    probe_driver()  # first: without a working driver the library may end the process
    try:
        return import_module("PyNvVideoCodec")
    except ModuleNotFoundError as error:
        raise UnavailableError(f"PyNvVideoCodec is not installed. Run: {INSTALL}") from error
    except (ImportError, OSError, RuntimeError) as error:  # RuntimeError: libnvidia-encode is missing
        raise UnavailableError(
            f"PyNvVideoCodec is installed but does not load: {first_line(error)}. In a container start it with "
            f"-e NVIDIA_DRIVER_CAPABILITIES=compute,utility,video; else run: {INSTALL} --force-reinstall"
        ) from error


@dataclass(frozen=True, slots=True)
class Nvdec:
    """NVDEC, for a stream that it decodes as the CPU does."""

    library: Any
    codec: NvdecCodec
    depth: Depth

    def opened(self, take: TakeFrames) -> OpenDecoder:
        """What opens it, for frames that are taken so."""
        return partial(NvdecDecoder, library=self.library, codec=self.codec, depth=self.depth, take=take)


def nvdec_for(stream: av.VideoStream, like: av.VideoFrame) -> Nvdec:
    """NVDEC for a stream of which the CPU decoded a frame.

    Raises UnavailableError where the library is missing or NVDEC does not decode such a stream as the CPU does.
    """
    name, pixels = stream.codec_context.codec.canonical_name, like.format.name
    if name not in NVDEC_CODECS:
        raise UnavailableError(f"NVDEC is used for {', '.join(NVDEC_CODECS)}; this is {name}")
    if pixels not in DEPTHS:
        raise UnavailableError(f"NVDEC is used for 4:2:0 of 8 and 10 bits; this is {pixels}")
    if like.is_corrupt:  # its mark would be on every frame
        raise UnavailableError(
            "this video begins with a damaged frame, which the CPU and NVDEC mend each in its own way"
        )
    if like.interlaced_frame:
        raise UnavailableError("NVDEC would deinterlace this video")
    if like.width % 2 or like.height % 2:
        size = Size(like.width, like.height)
        raise UnavailableError(f"NVDEC is used for frames with even sides; these are {size}")
    library = open_library()
    refuse_unsupported(library, name, DEPTHS[pixels], Size(like.width, like.height))
    return Nvdec(library, NVDEC_CODECS[name], DEPTHS[pixels])


def refuse_unsupported(library: Any, name: str, depth: Depth, size: Size) -> None:
    """Raise UnavailableError where this GPU does not decode 4:2:0 frames of that codec, depth and size."""
    kind, able = f"{name} of {depth.bits} bits", _abilities(library, name, depth)
    if able is None:
        raise UnavailableError(f"NVDEC of this GPU does not decode {kind}")
    least, most = Size(able["width_min"], able["height_min"]), Size(able["width_max"], able["height_max"])
    if (
        not least.width <= size.width <= most.width
        or not least.height <= size.height <= most.height
        or size.pixels > able["mb_num_max"] * _MACROBLOCK
    ):
        raise UnavailableError(f"NVDEC of this GPU decodes {kind} from {least} to {most}; this is {size}")


def decodable(library: Any) -> list[str]:
    """The codecs and depths that this GPU decodes, of those that are used, for people."""
    kinds = [(name, depth) for name in NVDEC_CODECS for depth in (EIGHT, TEN)]
    return [f"{name} of {depth.bits} bits" for name, depth in kinds if _abilities(library, name, depth) is not None]


def _abilities(library: Any, name: str, depth: Depth) -> Mapping[str, int] | None:
    """The sizes that this GPU decodes; None where it does not decode the codec at that depth."""
    with _failing_as("say what it decodes"):
        able = library.GetDecoderCaps(
            gpuid=_GPU,
            codec=getattr(library.cudaVideoCodec, NVDEC_CODECS[name].name),
            chromaformat=getattr(library.cudaVideoChromaFormat, "420"),
            bitdepth=depth.bits,
        )
    return able if able.get("supported", able["width_max"]) else None  # not every version states the first


def _filters(annex_b: str, stream: av.VideoStream) -> str:
    """The filters for a stream: one that begins between two IDR frames needs its headers there too."""
    headers_apart = (stream.codec_context.extradata or b"")[:1] == b"\1"
    return f"{annex_b},dump_extra=freq=keyframe" if headers_apart else annex_b


@contextmanager
def _failing_as(action: str) -> Generator[None]:
    """Whatever the library raises, it has no class in common, as an UnavailableError."""
    try:
        yield
    except TsnError:  # of what takes the frames over
        raise
    except Exception as error:
        raise UnavailableError(f"NVDEC cannot {action}: {first_line(error)}", cure="Use --decoder cpu") from error
