"""PyNvVideoCodec as far as it is used, with FFmpeg on the CPU in place of NVDEC.

Names and signatures are those of PyNvVideoCodec 2.2.4, as its compiled module states them. Like NVDEC it takes streams
with start codes and without a header apart from them, and writes over its frames with the next call.
"""

import ctypes
from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import av
import numpy as np

CODECS = {"H264": "h264", "HEVC": "hevc", "VP9": "vp9", "AV1": "libdav1d", "MPEG4": "mpeg4"}
SURFACES = {8: ("NV12", "nv12"), 10: ("P016", "p010le")}
CONTEXT, STREAM = 7001, 7002  # handles of those who keep its frames on the GPU: here that is host memory too
GPU = {"num_decoder_engines": 1, "width_max": 8192, "height_max": 8192, "mb_num_max": 262144}


class PacketData:
    """A piece of the stream, at an address."""

    bsl_data = 0
    bsl = 0
    pts = 0


class Surface:
    """A decoded frame in host memory, of which it knows the address."""

    def __init__(self, planes: bytes, pts: int, name: str) -> None:
        self.memory = ctypes.create_string_buffer(planes, len(planes))
        self.format = SimpleNamespace(name=name)
        self._pts = pts

    def getPTS(self) -> int:
        return self._pts

    def GetPtrToPlane(self, plane: int) -> int:
        assert plane == 0
        return ctypes.addressof(self.memory)


class Decoder:
    """One reading of a stream; the frames with the numbers in `drops`, in order of display, never come out."""

    def __init__(self, codec: str, drops: Collection[int], brighter: int, fails_at: int | None) -> None:
        self._context: Any = av.CodecContext.create(CODECS[codec], "r")
        self._drops, self._brighter, self._fails_at = drops, brighter, fails_at
        self._given: list[Surface] = []
        self._calls = self._shown = self._width = self._height = 0

    def GetWidth(self) -> int:
        return self._width

    def GetHeight(self) -> int:
        return self._height

    def Decode(self, packet: PacketData) -> list[Surface]:
        if self._calls == self._fails_at:
            raise RuntimeError("CUDA_ERROR_LAUNCH_FAILED\nwith a second line")
        self._calls += 1
        for old in self._given:
            ctypes.memset(old.memory, 0x55, len(old.memory))
        frames: list[av.VideoFrame] = []
        try:
            if packet.bsl:
                piece = av.Packet(ctypes.string_at(packet.bsl_data, packet.bsl))
                piece.pts = packet.pts
                frames = self._context.decode(piece)
            else:
                frames = self._context.decode(None)
        except av.FFmpegError:  # NVDEC conceals damage or leaves the frame out, and says nothing
            pass
        self._given = [self._surface(frame) for frame in frames if self._counted() not in self._drops]
        return self._given

    def _counted(self) -> int:
        self._shown += 1
        return self._shown - 1

    def _surface(self, frame: av.VideoFrame) -> Surface:
        self._width, self._height = frame.width, frame.height
        bits = 10 if "10" in frame.format.name else 8
        name, pixel_format = SURFACES[bits]
        planes: list[bytes] = []
        for plane in frame.reformat(format=pixel_format).planes:
            rows: Any = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
            rows = rows[:, : frame.width * (2 if bits > 8 else 1)]
            planes.append((rows + np.uint8(self._brighter)).tobytes())
        assert frame.pts is not None
        return Surface(b"".join(planes), frame.pts, name)


def stand_in(
    *,
    drops: Collection[int] = (),
    brighter: int = 0,
    fails_at: int | None = None,
    without: Collection[tuple[str, int]] = (),
    least: int = 16,
    most: int = 8192,
) -> Any:
    """The module. Its GPU decodes all but the codecs and bits in `without`, with sides from `least` to `most`.

    `made` are the decoders that were created.
    """

    def capabilities(*, gpuid: int, codec: str, chromaformat: str, bitdepth: int) -> dict[str, int]:
        assert (gpuid, chromaformat) == (0, "4:2:0")
        if (codec, bitdepth) in without:
            return dict.fromkeys((*GPU, "width_min", "height_min"), 0)
        return GPU | {"width_min": least, "height_min": least, "width_max": most, "height_max": most}

    def create(*, gpuid: int, codec: str, usedevicememory: bool, cudacontext: int = 0, cudastream: int = 0) -> Decoder:
        assert gpuid == 0
        assert (cudacontext, cudastream) == ((CONTEXT, STREAM) if usedevicememory else (0, 0))
        made.append(Decoder(codec, drops, brighter, fails_at))
        return made[-1]

    made: list[Decoder] = []
    return SimpleNamespace(
        made=made,
        __version__="2.2.4",
        PacketData=PacketData,
        GetDecoderCaps=capabilities,
        CreateDecoder=create,
        cudaVideoCodec=SimpleNamespace(**{name: name for name in CODECS}),
        cudaVideoChromaFormat=SimpleNamespace(**{"420": "4:2:0"}),
    )
