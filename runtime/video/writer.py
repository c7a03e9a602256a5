"""Videos out: frames encoded with their own times and the input's colour, beside the input's other tracks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import av
import av.logging
from av.error import FFmpegError

from tsn.runtime.errors import OutputError
from tsn.runtime.frame import Frame
from tsn.runtime.settings import Settings
from tsn.runtime.threads import behind
from tsn.runtime.video.colour import VideoFromRgb
from tsn.runtime.video.encoders import Encoding, choose_encoding, codec_tag, format_for
from tsn.runtime.video.enlarged import EnlargedVideo
from tsn.runtime.video.film import open_video
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.tags import carry_track_tags, file_tags, options_for, timecode_of
from tsn.runtime.video.tracks import TrackCopier

if TYPE_CHECKING:
    from tsn.runtime.video.timeline import Packet


class VideoWriter:
    """Encodes frames to `path`, in the manner of the video they came from. A context manager: leaving it releases the
    file, whatever happened; closing it is the caller's part.

    Times, colour tags, pixel aspect, metadata, chapters, audio and subtitle tracks are the input's. `written` counts
    the frames that reached the file, `notes` says what could not be carried over as it is, `encoder` what encodes and
    why. `name` is the one that errors give, where the file gets another one in the end. NVENC is a choice where the
    networks run on a `gpu`.

    Raises:
        OutputError: the encoder or the container refuses, or the disk does.
        UnavailableError: this build of FFmpeg lacks the encoder.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: VideoReader,
        settings: Settings,
        threads: int | None,
        name: Path | None = None,
        gpu: bool = False,
    ) -> None:
        self.written = 0
        self._name = name or path
        self._busy = Lock()
        self._time_base = source.time_base
        self._ends: dict[int, int] = {}  # of each frame in the encoder: when it starts and ends, in ticks
        self._start: tuple[int, int | None] | None = None  # pts and dts of the first packet
        self._held: Packet | None = None
        self._end = 0
        encoding = choose_encoding(
            path,
            codec=settings.codec,
            size=source.size,
            rate=source.rate,
            quality=settings.quality,
            threads=threads,
            asked=settings.encoder,
            gpu=gpu,
        )
        self.encoder = encoding.choice
        try:
            original, film = open_video(source.path)
            with original:
                tags = file_tags(original.metadata)
                # Any: PyAV leaves open what stream its packets are of.
                self._container: Any = av.open(
                    str(path.absolute()), "w", format=format_for(path), options=options_for(path, tags)
                )
                self._container.metadata.update(tags)
                self._stream: Any = self._add_stream(source, encoding)
                carry_track_tags(film, self._stream)
                timecode = timecode_of(original, film)
                chapters = original.chapters()
            if source.whole:
                self._container.set_chapters(chapters)
                self._stream.metadata.update(timecode)
            self._to_video = VideoFromRgb(source.colour, encoding.pixel_format)
            self._enlarge = EnlargedVideo(source.colour, encoding.pixel_format)
            self._tracks = TrackCopier(
                source.path, self._container, origin=source.origin, stop=source.stop, whole=source.whole
            )
        except (FFmpegError, ValueError) as error:
            raise _failure(self._name, error) from error
        self._source = source
        if chapters and not source.whole:
            self._tracks.notes.append("the chapters are left out: a part of a video has other times than they have")
        if timecode and not source.whole:
            self._tracks.notes.append("the timecode is left out: a part of a video has another")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()

    def write(self, frame: Frame) -> None:
        """Encode one frame; it must be later than the one before. Raises OutputError."""
        video = self._to_video(frame.rgb) if frame.luma is None else self._enlarge(frame.rgb, frame.luma)
        video.pts = round(frame.time / self._time_base)
        video.time_base = self._time_base
        self._ends[video.pts] = max(video.pts + 1, round((frame.time + frame.duration) / self._time_base))
        with self._at_work():
            self._mux(self._stream.encode(video))
            self._tracks.up_to(frame.time)

    @property
    def notes(self) -> list[str]:
        """What the file does not have that its source had, or has otherwise; lines for people."""
        return [*self._tracks.notes, *self._source.notes]

    @property
    def end(self) -> Fraction:
        """Seconds of the output at which its last frame ends; 0 where there is none."""
        return max((self._end, *self._ends.values())) * self._time_base

    def close(self, *, early: bool = False) -> None:
        """Flush the encoder, copy the rest of the tracks and finish the file. Raises OutputError.

        `early`: no more frames came than there should be, so the tracks end where they do.
        """
        with behind(self._finish, depth=1) as finish:  # Ctrl-C reaches us even if the encoder hangs
            finish(early)

    def release(self) -> None:
        """Let go of the file. One that was not closed is left unfinished, for the caller to remove."""
        if not self._busy.acquire(blocking=False):
            return  # an encoder that hangs keeps what it has
        self._tracks.close()
        with suppress(FFmpegError, ValueError):  # an unfinished file is thrown away: why no longer matters
            self._container.close()

    @contextmanager
    def _at_work(self) -> Generator[None]:
        """What uses the encoder and the file, which must not be closed under it."""
        with self._busy:
            try:
                yield
            except (FFmpegError, ValueError) as error:
                raise _failure(self._name, error) from error

    def _finish(self, early: bool) -> None:
        with self._at_work():
            self._mux(self._stream.encode(None))
            if self._held is not None:
                self._held.duration = self._until_end(self._held)
                self._container.mux(self._held)
            self._tracks.finish(self.end, early=early)
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

    def _add_stream(self, source: VideoReader, encoding: Encoding) -> av.VideoStream:
        stream = self._container.add_stream(encoding.encoder, rate=source.rate, options=dict(encoding.options))
        assert isinstance(stream, av.VideoStream)
        stream.time_base = source.time_base
        context = stream.codec_context
        context.time_base = source.time_base
        context.framerate = encoding.rate
        context.width, context.height = source.size.width, source.size.height
        context.pix_fmt = encoding.pixel_format
        if tag := codec_tag(self._container.format.name, context.codec.canonical_name):
            context.codec_tag = tag
        context.sample_aspect_ratio = source.pixel_aspect
        context.thread_count = encoding.threads
        context.colorspace = source.colour.matrix
        context.color_range = source.colour.range
        context.color_primaries = source.colour.primaries
        context.color_trc = source.colour.transfer
        context.open()
        return stream


def _failure(path: Path, error: Exception) -> OutputError:
    reason = getattr(error, "strerror", None) or str(error)
    _, logged = av.logging.get_last_error()
    detail = f" ({logged[1]}: {logged[2].strip()})" if logged else ""
    return OutputError(f"cannot write {path}: {reason}{detail}")
