"""The clip that is measured on, drawn or cut from a given one, and what decoding and encoding it take by themselves."""

import time
from fractions import Fraction
from pathlib import Path

import av

from tsn.benchmarks.throughput.plan import NamedSize, even_length
from tsn.benchmarks.throughput.results import Input, Media, percentiles, rate
from tsn.runtime.bundle.folder import sha256
from tsn.runtime.demo import draw_scene
from tsn.runtime.frame import Frame
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

RATE = 24  # frames a second of a drawn clip
MOST_BYTES = 1 << 28  # of decoded frames to hold while encoding is measured


def prepare_clip(source: Path | None, named: NamedSize, *, frames: int, folder: Path) -> tuple[Path, Input]:
    """Write a clip of at most `frames` frames into `folder`. So decoding costs what a file of that size costs.

    Raises InputError where `source` cannot be read.
    """
    path = folder / f"{named.name}.mp4"
    size = _drawn(path, named.size, frames) if source is None else _cut(source, path, named, frames)
    return path, Input(
        size=named.name,
        width=size.width,
        height=size.height,
        frames=_count(path),
        source="drawn" if source is None else source.name,
        source_sha256=None if source is None else sha256(source),
        sha256=sha256(path),
    )


def first_frames(clip: Path, most: int) -> list[Frame]:
    """Read the first frames of a clip."""
    with VideoReader(clip, Settings(max_frames=most)) as reader:
        return list(reader)


class MediaAlone:
    """Decoding and encoding of a clip with nothing beside them: the rates that no network can lift.

    Args:
        frames: of each turn, at most; fewer where the decoded ones would fill the memory.
        folder: where the encoded clip goes.
    """

    def __init__(self, clip: Path, described: Input, *, frames: int, threads: int | None, folder: Path) -> None:
        self._frames = min(frames, max(8, MOST_BYTES // (described.width * described.height * 3)))
        self._clip, self._output, self._threads = clip, folder / "encoded.mp4", threads
        self._size = described.size
        self._turns: list[tuple[list[float], list[float]]] = []
        decode_alone(clip, frames=2)  # libraries load, the file comes into memory

    def take_turn(self) -> None:
        """Decode the clip and encode it again, once."""
        decode = decode_alone(self._clip, frames=self._frames)
        self._turns.append((decode, encode_alone(self._clip, self._output, frames=self._frames, threads=self._threads)))

    def results(self) -> list[Media]:
        """Return the rates of all turns so far; none where there was no turn."""
        found: list[Media] = []
        for index, part in enumerate(("decode", "encode")):
            turns = [turn[index] for turn in self._turns]
            if turns:
                rates = rate([len(times) * 1000 / sum(times) for times in turns])
                times = percentiles([time for turn in turns for time in turn])
                found.append(Media(part=part, size=self._size, frames_per_second=rates, frame_ms=times))
        return found


def decode_alone(clip: Path, *, frames: int) -> list[float]:
    """Return the time in ms of each frame of a clip, from the file to RGB; the first includes opening the file."""
    times: list[float] = []
    begun = time.perf_counter()
    with VideoReader(clip, Settings(max_frames=frames)) as reader:
        for _ in reader:
            ended = time.perf_counter()
            times.append((ended - begun) * 1000)
            begun = ended
    return times


def encode_alone(clip: Path, output: Path, *, frames: int, threads: int | None) -> list[float]:
    """Return the time in ms of each frame of a clip, from RGB to the file; the last includes flushing the encoder."""
    times: list[float] = []
    decoded = first_frames(clip, frames)
    settings = Settings(overwrite=True)
    with (
        VideoReader(clip, Settings(max_frames=1)) as reader,
        VideoWriter(output, source=reader, settings=settings, threads=threads) as writer,
    ):
        begun = time.perf_counter()
        for frame in decoded:
            writer.write(frame)
            ended = time.perf_counter()
            times.append((ended - begun) * 1000)
            begun = ended
        writer.close()
        times[-1] += (time.perf_counter() - begun) * 1000
    return times


def _drawn(path: Path, size: Size, frames: int) -> Size:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "14", "preset": "veryfast"})
        stream.width, stream.height = size.width, size.height
        stream.pix_fmt = "yuv444p" if size.width % 2 or size.height % 2 else "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(draw_scene(index / RATE, size), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return size


def _cut(source: Path, path: Path, named: NamedSize, frames: int) -> Size:
    size = named.size
    if named.lines is not None:
        with VideoReader(source, Settings(max_frames=1)) as reader:
            original = reader.size
        scale = Fraction(named.lines, min(original.width, original.height))
        size = Size(even_length(original.width * scale), even_length(original.height * scale))
    settings = Settings(max_frames=frames, size=size, quality=90)
    with (
        VideoReader(source, settings) as reader,
        VideoWriter(path, source=reader, settings=settings, threads=None) as writer,
    ):
        for frame in reader:
            writer.write(frame)
        writer.close()
    return size


def _count(path: Path) -> int:
    with av.open(str(path)) as container:
        return container.streams.video[0].frames
