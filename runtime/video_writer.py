"""Videos out: frames encoded with their own times and the input's colour, beside the input's other tracks."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.logging
from av.error import FFmpegError

from tsn.runtime.colour import VideoFromRgb
from tsn.runtime.encoders import Encoding, choose_encoding
from tsn.runtime.errors import OutputError
from tsn.runtime.job import Settings
from tsn.runtime.pipeline import Frame
from tsn.runtime.tracks import TrackCopier
from tsn.runtime.video_reader import VideoReader

MOST_THREADS = 16  # of an encoder: x265 takes no more

if TYPE_CHECKING:
    Packet = av.Packet[Any]  # subscriptable in its stub alone


class VideoWriter:
    """Encodes frames to `path`, in the manner of the video they came from.

    Times, colour tags, pixel aspect, metadata, chapters, audio and subtitle tracks are the input's. `written` counts
    the frames that reached the file, `notes` says which tracks could not be copied as they are.

    Raises:
        OutputError: the encoder or the container refuses, or the disk does.
        UnavailableError: this build of FFmpeg lacks the encoder.
    """

    def __init__(self, path: Path, *, source: VideoReader, settings: Settings, threads: int | None) -> None:
        self.written = 0
        self._path = path
        self._time_base = source.time_base
        self._ends: dict[int, int] = {}  # of each frame in the encoder: when it starts and ends, in ticks
        self._start: tuple[int, int | None] | None = None  # pts and dts of the first packet
        self._held: Packet | None = None
        self._end = 0
        encoding = choose_encoding(path, codec=settings.codec, size=source.size, quality=settings.quality)
        try:
            self._container = av.open(str(path.absolute()), "w")
            self._stream = self._add_stream(source, encoding, threads)
            self._to_video = VideoFromRgb(source.colour, encoding.pixel_format)
            self._tracks = TrackCopier(
                source.path, self._container, origin=source.origin, stop=source.stop, whole=source.whole
            )
            self._carry_metadata(source)
        except (FFmpegError, ValueError) as error:
            raise _failure(path, error) from error
        self.notes = self._tracks.notes

    def write(self, frame: Frame) -> None:
        """Encode one frame; it must be later than the one before. Raises OutputError."""
        video = self._to_video(frame.rgb)
        video.pts = round(frame.time / self._time_base)
        video.time_base = self._time_base
        self._ends[video.pts] = max(video.pts + 1, round((frame.time + frame.duration) / self._time_base))
        try:
            self._mux(self._stream.encode(video))
            self._tracks.up_to(frame.time)
        except (FFmpegError, ValueError) as error:
            raise _failure(self._path, error) from error

    def close(self) -> None:
        """Flush the encoder, copy the rest of the tracks and finish the file. Raises OutputError."""
        try:
            self._mux(self._stream.encode(None))
            if self._held is not None:
                self._held.duration = self._until_end(self._held)
                self._container.mux(self._held)
            self._tracks.finish(self._end * self._time_base)
            self._container.close()
        except (FFmpegError, ValueError) as error:
            raise _failure(self._path, error) from error

    def release(self) -> None:
        """Let go of the file. One that was not closed is left unfinished, for the caller to remove."""
        self._tracks.close()
        with suppress(FFmpegError, ValueError):  # an unfinished file is thrown away: why no longer matters
            self._container.close()

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            assert packet.pts is not None
            end = self._ends.pop(packet.pts)
            self._end = max(self._end, end)
            packet.duration = end - packet.pts
            if self._held is not None:
                self._container.mux(self._held)
            self._start = self._start or (packet.pts, packet.dts)
            self._held = packet
            self.written += 1

    def _until_end(self, last: Packet) -> int:
        """The duration of the last packet in order of decoding, such that the track ends with its last frame.

        MP4 measures a track by its decoding times, which fall short of a variable-rate ending by any amount.
        """
        assert self._start is not None
        first_pts, first_dts = self._start
        assert first_dts is not None
        assert last.dts is not None
        return max(1, (self._end - first_pts) - (last.dts - first_dts))

    def _add_stream(self, source: VideoReader, encoding: Encoding, threads: int | None) -> av.VideoStream:
        stream = self._container.add_stream(encoding.encoder, rate=source.rate, options=dict(encoding.options))
        assert isinstance(stream, av.VideoStream)
        stream.time_base = source.time_base
        context = stream.codec_context
        context.time_base = source.time_base
        context.width, context.height = source.size.width, source.size.height
        context.pix_fmt = encoding.pixel_format
        context.sample_aspect_ratio = source.pixel_aspect
        context.thread_count = min(threads or 0, MOST_THREADS)
        context.colorspace = source.colour.matrix
        context.color_range = source.colour.range
        context.color_primaries = source.colour.primaries
        context.color_trc = source.colour.transfer
        context.open()
        return stream

    def _carry_metadata(self, source: VideoReader) -> None:
        with av.open(str(source.path.absolute()), "r", metadata_errors="replace") as container:
            structural = {"major_brand", "minor_version", "compatible_brands", "encoder"}
            self._container.metadata.update(
                {key: value for key, value in container.metadata.items() if key.lower() not in structural}
            )
            if source.whole and (chapters := container.chapters()):  # a part has other times than the chapters
                self._container.set_chapters(chapters)


@contextmanager
def write_video(path: Path, *, source: VideoReader, settings: Settings, threads: int | None) -> Generator[VideoWriter]:
    """Open `path` for writing; whatever happens, the file is released at the end. Closing it is the caller's part."""
    writer = VideoWriter(path, source=source, settings=settings, threads=threads)
    try:
        yield writer
    finally:
        writer.release()


def _failure(path: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    _, logged = av.logging.get_last_error()
    detail = f" ({logged[1]}: {logged[2].strip()})" if logged else ""
    return OutputError(f"cannot write {path}: {reason}{detail}")
