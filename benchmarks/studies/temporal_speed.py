"""The cost of temporal stability on a CPU, part by part: milliseconds for a frame.

python -m tsn.benchmarks.studies.temporal_speed BUNDLE VIDEO --size 854x480
"""

import json
import platform
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import click
import cv2
import numpy as np

from tsn.runtime.backends import open_backend, scalar
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.errors import InputError
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.temporal.flow import DisFlow
from tsn.runtime.temporal.opencv_anchors import OpenCvAnchor, new_anchor
from tsn.runtime.video.reader import VideoReader

PRESETS = {"ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST}


@click.command(name="temporal_speed")
@click.argument("bundle")
@click.argument("video", type=FILE)
@click.option("--size", default="854x480", show_default=True)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--repeats", type=click.IntRange(min=5), default=60, show_default=True)
def command(bundle: str, video: Path, size: str, threads: int, repeats: int) -> None:
    """Print one JSON document: for each part the least and the median of many runs, in milliseconds."""
    with VideoReader(video, Settings(size=Size.parse(size))) as reader:
        frames = [frame.rgb for frame in islice(reader, 2)]
    if len(frames) < 2:
        raise InputError(f"{video} has one frame only, two are needed")
    cv2.setNumThreads(threads)
    backend = open_backend("cpu", threads=threads)
    blend = backend.load(open_bundle(bundle).network("blend"))
    flows = {name: DisFlow(preset=preset) for name, preset in PRESETS.items()}
    flow = flows["fast"](frames[1], frames[0])
    anchor = new_anchor(frames[1], frames[0]).carried(flow, frames[1])
    inputs = {
        "styled": backend.upload(frames[1][None]),
        "current": backend.upload(frames[1][None]),
        "older": backend.upload(anchor.seen()[None]),
        "newer": backend.upload(anchor.seen()[None]),
        "older_chroma": backend.upload(anchor.seen_chroma()[None]),
        "newer_chroma": backend.upload(anchor.seen_chroma()[None]),
        "older_intact": backend.upload(anchor.intact()[None]),
        "newer_intact": backend.upload(anchor.intact()[None]),
        "share": backend.upload(scalar(0.5)),
        "strength": backend.upload(scalar(1)),
    }
    parts: dict[str, Callable[[], object]] = {
        "flow, DIS ultrafast": lambda: flows["ultrafast"](frames[1], frames[0]),
        "flow, DIS fast": lambda: flows["fast"](frames[1], frames[0]),
        "one anchor carried and read": lambda: _read(anchor.carried(flow, frames[1])),
        "blend": lambda: blend(**inputs)["blended"].numpy(),
    }
    found = {name: _times(part, repeats) for name, part in parts.items()}
    click.echo(json.dumps({"size": size, "threads": threads, "machine": platform.processor(), "milliseconds": found}))


def _read(anchor: OpenCvAnchor) -> None:
    for read in (anchor.seen, anchor.seen_chroma, anchor.intact):
        read()


def _times(part: Callable[[], object], repeats: int) -> dict[str, float]:
    times: list[float] = []
    for _ in range(repeats):
        started = time.perf_counter()
        part()
        times.append((time.perf_counter() - started) * 1000)
    return {"least": round(min(times), 2), "median": round(float(np.median(times)), 2)}


if __name__ == "__main__":
    run_command(command)
