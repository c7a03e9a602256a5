"""The clip that is measured on: drawn, or cut from a given one, in the size that is asked for."""

from fractions import Fraction
from pathlib import Path

import av

from tsn.benchmarks.throughput.results import Input
from tsn.benchmarks.throughput.sizes import NamedSize, even
from tsn.runtime.bundle.folder import sha256
from tsn.runtime.demo import draw_scene
from tsn.runtime.frame import RGB, Frame
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

RATE = 24  # frames a second of a drawn clip
NETWORK_FRAMES = 8  # frames that the networks alone are fed, over and over


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


def first_frames(clip: Path, *, most: int = NETWORK_FRAMES) -> list[RGB]:
    """The first frames of a clip, as RGB uint8 (height, width, 3)."""
    with VideoReader(clip, Settings(max_frames=most)) as reader:
        return [frame.rgb for frame in reader]


def clip_frames(clip: Path, *, most: int) -> list[Frame]:
    """The first frames of a clip with their times."""
    with VideoReader(clip, Settings(max_frames=most)) as reader:
        return list(reader)


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
        size = Size(even(original.width * scale), even(original.height * scale))
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
