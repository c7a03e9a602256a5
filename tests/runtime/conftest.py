"""Small media that the tests draw themselves."""

import ctypes
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.commands import Ended, runner
from tsn.runtime.cli import main

if TYPE_CHECKING:
    from tsn.runtime.backends.driver import Gpu

RGB = NDArray[np.uint8]


def draw(index: int, *, width: int = 64, height: int = 48) -> RGB:
    """A smooth picture with a bright square that moves with `index`: it survives 4:2:0 and compression well."""
    y, x = np.mgrid[0:height, 0:width]
    channels = [x * 200 / width + 20, y * 200 / height + 20, 128 + 60 * np.sin((x + y + 4 * index) / 12)]
    picture = np.stack(channels, axis=-1)
    left = 4 + 3 * index % max(1, width - 20)
    picture[8:20, left : left + 12] = 235
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_media(
    path: Path,
    *,
    frames: Sequence[RGB] | None = None,
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 12800),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    rotation: int | None = None,
    matrix: int | None = None,
    color_range: int | None = None,
    audio: Sequence[str] = (),
    subtitles: bool = False,
    metadata: dict[str, str] | None = None,
    convert: Callable[[RGB], av.VideoFrame] | None = None,
) -> Path:
    """A video of `frames` (8 drawn ones, 25 a second) shown at `ticks`, with tone tracks of the given audio codecs."""
    pictures = [draw(index) for index in range(8)] if frames is None else list(frames)
    times = [index * round(1 / (25 * time_base)) for index in range(len(pictures))] if ticks is None else list(ticks)
    steps = [after - before for before, after in pairwise(times)]
    durations = dict(
        zip(times, [*steps, *steps[-1:]], strict=bool(steps))
    )  # the last frame stays as long as the last but one
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=25, options={"crf": "1"} if options is None else options)
        stream.height, stream.width, _ = pictures[0].shape if pictures else (48, 64, 3)
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = stream.time_base = time_base
        if matrix is not None:
            stream.codec_context.colorspace = matrix
        if color_range is not None:
            stream.codec_context.color_range = color_range
        if rotation is not None:
            stream.set_display_rotation(rotation)
        tones = [container.add_stream(name, rate=48_000, layout="mono") for name in audio]
        text = _add_subtitles(container, path) if subtitles else None
        for tone in tones:
            _write_tone(container, tone, seconds=max(times) * time_base + Fraction(1, 25))
        for packet in text or []:
            container.mux(packet)
        for rgb, tick in zip(pictures, times, strict=True):
            if convert is None:
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixel_format)
            else:
                frame = convert(rgb)
            frame.pts, frame.time_base = tick, time_base
            _mux(container, stream.encode(frame), durations)
        container.start_encoding()
        _mux(container, stream.encode(None), durations)
    return path


def _mux(container: Any, packets: Sequence[Any], durations: dict[int, int]) -> None:
    for packet in packets:
        packet.duration = durations.get(packet.pts, 0)
        container.mux(packet)


def _write_tone(container: Any, stream: Any, *, seconds: Fraction) -> None:
    resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=48_000)
    for start in range(0, int(seconds * 48_000), 1024):
        samples = np.sin(np.arange(start, start + 1024) * 0.06).astype(np.float32)[None] * 0.3
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        for converted in resampler.resample(frame):
            container.mux(stream.encode(converted))
    container.mux(stream.encode(None))


def _add_subtitles(container: Any, path: Path) -> list[Any]:
    text = path.with_suffix(".srt")
    text.write_text("1\n00:00:00,040 --> 00:00:00,140\na line of text\n")
    with av.open(str(text)) as source:
        stream = container.add_stream_from_template(source.streams.subtitles[0])
        packets = [packet for packet in source.demux() if packet.pts is not None]
    for packet in packets:
        packet.stream = stream
    return packets


@pytest.fixture
def write_video() -> Callable[..., Path]:
    """The function write_media above."""
    return write_media


@pytest.fixture
def drawn() -> Callable[..., RGB]:
    """The function draw above."""
    return draw


def decode(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


@pytest.fixture
def frames_of() -> Callable[[Path], list[av.VideoFrame]]:
    """Every decoded frame of a video."""
    return decode


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run tsn-run in this process with the given words."""
    return runner(capfd, main, "tsn-run")


@pytest.fixture
def engine_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle with an engine of `stylize` in its manifest, for sm_89 with TensorRT-RTX 1.7.1; it is no plan."""
    from tsn.runtime.bundle.folder import open_bundle, sha256
    from tsn.runtime.bundle.manifest import MANIFEST, Engine

    folder = shutil.copytree(tiny_bundle, tmp_path / "starry")
    (folder / "engine.plan").write_bytes(b"vtrt, but no engine")
    manifest = open_bundle(folder).manifest
    stylize = manifest.networks["stylize"]
    engine = Engine(
        file="engine.plan",
        sha256=sha256(folder / "engine.plan"),
        library="tensorrt-rtx",
        version="1.7.1",
        compute_capabilities=("8.9", "12.0"),
        gpu=None,
        precision="fp32",
        onnx_sha256=stylize.sha256,
        minimum="64x48",
        optimum="64x48",
        maximum="64x48",
        verified=None,
    )
    networks = {**manifest.networks, "stylize": stylize.model_copy(update={"engine": engine})}
    (folder / MANIFEST).write_text(manifest.model_copy(update={"networks": networks}).document())
    return folder


@pytest.fixture
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without an NVIDIA driver, also where there is one."""

    true_load = ctypes.CDLL

    def load(name: str, *rest: Any, **more: Any) -> ctypes.CDLL:  # TensorRT-RTX loads its own libraries so
        if name in ("libcuda.so.1", "nvcuda.dll"):
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        return true_load(name, *rest, **more)

    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.fixture
def some_gpu(monkeypatch: pytest.MonkeyPatch) -> "Gpu":
    """A driver that shows an H200."""
    from tsn.runtime.backends import driver, ort_cuda
    from tsn.runtime.backends.driver import Driver, Gpu

    gpu = Gpu(name="NVIDIA H200", compute_capability="9.0", memory=150 * 10**9)
    for module in (driver, ort_cuda):
        monkeypatch.setattr(module, "probe_driver", lambda: Driver(cuda="12.8", gpus=(gpu,)))
    return gpu
