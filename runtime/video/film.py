"""A video file, opened, and the film in it: which of its tracks is read, and how many frames a second it has."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from tsn.runtime.errors import InputError
from tsn.runtime.video.described import described_tracks

USUAL_RATE: Final = Fraction(25)  # frames a second, for a stream that states none
_NO_TIMES: Final = 0x80  # AVFMT_NOTIMESTAMPS, among the flags of a format: raw streams, whose times FFmpeg makes up
_BESIDE_A_FILM: Final = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.dependent


def open_video(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """Open a file and find its film. Raises InputError where there is none."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        container = av.open(str(path.absolute()), "r", metadata_errors="replace")
    except FFmpegError as error:
        raise InputError(
            f"{path} is no video that can be read, or it is cut off at its beginning or end ({error.strerror})"
        ) from error
    film = film_of(container)
    if film is not None and not _is_still(container):
        return container, film
    try:
        raise _without_film(path, container)
    finally:
        container.close()


def can_be_decoded(stream: Stream) -> bool:
    """Return whether FFmpeg has a decoder for a track. PyAV's types leave out that it may have none."""
    return bool(stream.codec_context)


def film_of(container: InputContainer) -> av.VideoStream | None:
    """Return the video track that is a file's film: a long one, then one marked as default, then the largest.

    Covers, thumbnails and tiles are no film, and neither is what no decoder is there for. Tracks that last half as long
    as the longest and more count as equally long: those of one programme differ a little. What is shorter is no film,
    however it is marked: some programs mark the first track, whatever it is.
    """
    films = [
        stream
        for stream in container.streams.video
        if can_be_decoded(stream) and not stream.disposition & _BESIDE_A_FILM
    ]
    longest = max((_seconds(stream) for stream in films), default=Fraction(0))
    films = [stream for stream in films if 2 * _seconds(stream) >= longest]
    films = [stream for stream in films if stream.disposition & Disposition.default] or films
    return max(films, key=lambda stream: stream.codec_context.width * stream.codec_context.height, default=None)


def rate_of(container: InputContainer, film: av.VideoStream) -> Fraction:
    """Return the frames a second, exact and on average, as far as the file says.

    Of a raw stream FFmpeg's average is its own default, and of a file of few frames it may be the clock's rate.
    """
    average, guessed = film.average_rate, film.guessed_rate
    if guessed and (container.format.flags & _NO_TIMES or not average or average > 2 * guessed):
        return guessed
    return average or USUAL_RATE


def _is_still(container: InputContainer) -> bool:
    """Whether FFmpeg read a picture as a film of one frame, one of the kinds that Pillow does not read."""
    return container.format.name == "image2" or container.format.name.endswith("_pipe")


def _seconds(stream: av.VideoStream) -> Fraction:
    """Return how long a track is, 0 where the file does not say."""
    if length := seconds_of(stream.metadata.get("DURATION", "")):  # Matroska's: FFmpeg's own is that of the file
        return length
    return (stream.duration or 0) * (stream.time_base or Fraction(0))


def seconds_of(text: str) -> Fraction:
    """Return the seconds of a time as tags of Matroska have it, 00:01:02.500000000; 0 where it is none."""
    seconds = Fraction(0)
    with suppress(ValueError):  # whatever else stands there
        for part in text.split(":"):
            seconds = seconds * 60 + Fraction(part)
    return seconds


def _without_film(path: Path, container: InputContainer) -> InputError:
    if _is_still(container):
        kind = container.format.name.removesuffix("_pipe")
        return InputError(
            f"{path} is a still picture of a kind that is not read here ({kind})",
            cure="Convert it to PNG or JPEG first",
        )
    tracks = described_tracks(container)
    unknown = [tracks[stream.index].codec for stream in container.streams.video if not can_be_decoded(stream)]
    if unknown:
        return InputError(
            f"{path} holds video that this FFmpeg has no decoder for ({', '.join(unknown)})",
            cure="Convert it first, with the program that made it",
        )
    found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    return InputError(f"{path} holds no video track, only: {found}")
