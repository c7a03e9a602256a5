"""Whole pictures from the fields of an interlaced video, by FFmpeg's bwdif; progressive frames stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import av
from av.error import BlockingIOError as NoFrameYet
from av.filter import Graph

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet

_FILTER: Final = "mode=send_frame:parity=auto:deint=interlaced"  # as many frames as there are
DEINTERLACED: Final = "it is interlaced: whole pictures are made of its fields"
COMBED: Final = "it is interlaced, and is not deinterlaced: what moves is combed"


class Deinterlacer:
    """FFmpeg's decoder and, behind it, bwdif: see Decoder. A frame comes out when the one after it is decoded."""

    def __init__(self, stream: av.VideoStream) -> None:
        self._stream = stream
        self._graph: Any = None  # PyAV's types leave open which frames it gives
        self._shape: tuple[int, int, str] | None = None
        self._durations: dict[int | None, int] = {}  # of the frames in the filter, by their time

    def decode(self, packet: Packet) -> Sequence[av.VideoFrame]:
        ready: list[av.VideoFrame] = []
        for frame in packet.decode():
            shape = (frame.width, frame.height, frame.format.name)
            if shape != self._shape:
                ready += self._rest()
                self._graph, self._shape = self._opened(shape), shape
            self._durations[frame.pts] = frame.duration
            self._graph.push(frame)
            ready += self._pulled()
        return ready if packet.size else [*ready, *self._rest()]

    def unseen(self, first: int | None, last: int | None) -> int:
        return 0

    def _opened(self, shape: tuple[int, int, str]) -> Graph:
        width, height, pixel_format = shape
        graph = Graph()
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat(pixel_format),
            time_base=self._stream.time_base,
        )
        bwdif, sink = graph.add("bwdif", _FILTER), graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        graph.configure()
        return graph

    def _rest(self) -> list[av.VideoFrame]:
        """What is still in the filter, which ends with it."""
        if self._graph is None:
            return []
        self._graph.push(None)
        rest = list(self._pulled())
        self._graph, self._shape = None, None
        return rest

    def _pulled(self) -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = self._graph.pull()
            except (NoFrameYet, EOFError):
                return
            if frame.pts is not None:
                frame.pts = round(frame.pts * frame.time_base / self._stream.time_base)
            frame.time_base = self._stream.time_base
            frame.duration = self._durations.pop(frame.pts, 0)
            yield frame
