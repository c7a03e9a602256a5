"""What becomes of a frame that NVDEC decoded: copied to the host as one of PyAV's, or kept on the GPU as RGB."""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import av
import numpy as np

from tsn.runtime.backends import Backend, NvdecInterop, Session
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.video.colour import Colour, RgbFromVideo, write_plane
from tsn.runtime.video.nvdec.nv12 import Depth, chroma_taps, conversion_of, tagged_like


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFrame:
    """A decoded frame on the GPU, as RGB, with its time in ticks."""

    pixels: FrameBuffer
    pts: int | None
    duration: int
    is_corrupt: bool = False


Decoded = av.VideoFrame | DeviceFrame


def buffer_of(frame: Decoded, to_rgb: RgbFromVideo) -> FrameBuffer:
    """Return the RGB of a decoded frame, made by `to_rgb` where it is in host memory."""
    return frame.pixels if isinstance(frame, DeviceFrame) else FrameBuffer(to_rgb(frame))


class TakeFrames(Protocol):
    """Takes over decoded frames, which the next call of NVDEC writes over."""

    options: Mapping[str, Any]
    """For PyNvVideoCodec's CreateDecoder."""

    def __call__(self, address: int, size: Size, *, pts: int | None, duration: int) -> Decoded:
        """The frame whose planes begin at an address and follow each other."""
        ...


OpenDeviceFrames = Callable[[av.VideoFrame, Depth, Colour], TakeFrames]
OnDevice = OpenDeviceFrames | str
"""How frames stay on the GPU, or why they do not."""

ON_HOST: OnDevice = "they are read there"


class HostFrames:
    """Copies frames to the host, tagged like a frame of the same stream that the CPU decoded."""

    # They need no stream of ours: each is there when the call returns.
    options: Mapping[str, Any] = {"usedevicememory": False}

    def __init__(self, like: av.VideoFrame, depth: Depth) -> None:
        self._like, self._depth = like, depth

    def __call__(self, address: int, size: Size, *, pts: int | None, duration: int) -> av.VideoFrame:
        host: Any = (ctypes.c_uint8 * frame_bytes(size, self._depth)).from_address(address)
        values = np.frombuffer(host, self._depth.dtype).reshape(-1, size.width)
        frame = tagged_like(self._like, size, self._depth.pixel_format)
        write_plane(frame, 0, values[: size.height])
        write_plane(frame, 1, values[size.height :])
        frame.time_base, frame.pts, frame.duration = self._like.time_base, pts, duration
        return frame


class DeviceFrames:
    """Keeps frames on the GPU, where a network makes RGB of them as the CPU makes it of `like`.

    Frames of another size than that, where a stream changes its own, are copied to the host.
    """

    def __init__(
        self,
        like: av.VideoFrame,
        depth: Depth,
        colour: Colour,
        *,
        network: Session,
        backend: Backend,
        interop: NvdecInterop,
    ) -> None:
        self.options: Mapping[str, Any] = {
            "usedevicememory": True,
            "cudacontext": interop.context,
            "cudastream": interop.stream,
        }
        conversion = conversion_of(colour, chroma_taps(like))
        self._told = {name: backend.upload(value) for name, value in conversion.arrays().items()}
        self._depth, self._network, self._taken = depth, network, interop.taken
        self._size = Size(like.width, like.height)
        self._to_host = HostFrames(like, depth)

    def __call__(self, address: int, size: Size, *, pts: int | None, duration: int) -> Decoded:
        if size != self._size:
            planes = self._taken(address, (frame_bytes(size, self._depth),))
            values = planes.numpy()  # valid as long as `planes`
            return self._to_host(values.ctypes.data, size, pts=pts, duration=duration)
        luma, chroma = self._depth.shapes(size)
        frame = self._network(
            luma=self._taken(address, luma),
            chroma=self._taken(address + int(np.prod(luma)), chroma),
            **self._told,
        )["frame"]
        return DeviceFrame(pixels=FrameBuffer(frame), pts=pts, duration=duration)


def frame_bytes(size: Size, depth: Depth) -> int:
    """How many bytes a frame of 4:2:0 is long, without gaps."""
    return (size.height + size.height // 2) * size.width * depth.length


def device_frames(bundle: Bundle, backend: Backend) -> OnDevice:
    """How frames stay on the backend's GPU, or why they cannot."""
    interop = backend.nvdec
    if interop is None:
        return ON_HOST
    if not {"nv12", "p010"} <= bundle.manifest.networks.keys():
        return "this bundle is of an older export, without the networks for it"

    def opened(like: av.VideoFrame, depth: Depth, colour: Colour) -> TakeFrames:
        network = backend.load(bundle.network(depth.network))
        return DeviceFrames(like, depth, colour, network=network, backend=backend, interop=interop)

    return opened
