"""Decoding and encoding with nothing beside them: the rates that no network can lift."""

import time
from pathlib import Path

from tsn.benchmarks.throughput.clip import clip_frames
from tsn.runtime.frame import Frame
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter


def decode_alone(clip: Path, *, frames: int) -> list[float]:
    """Time in ms of each frame of a clip, from the file to RGB; the first one includes opening the file."""
    times: list[float] = []
    begun = time.perf_counter()
    with VideoReader(clip, Settings(max_frames=frames)) as reader:
        for _ in reader:
            ended = time.perf_counter()
            times.append((ended - begun) * 1000)
            begun = ended
    return times


def encode_alone(clip: Path, output: Path, *, frames: int, threads: int | None) -> list[float]:
    """Time in ms of each frame of a clip, from RGB to the file; the last one includes flushing the encoder."""
    times: list[float] = []
    decoded: list[Frame] = clip_frames(clip, most=frames)
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
