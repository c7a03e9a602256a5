"""A bundle's networks alone, frame by frame: upload, call, download."""

import time
from pathlib import Path

from tsn.benchmarks.throughput.clip import first_frames
from tsn.benchmarks.throughput.task import Turn
from tsn.runtime.backends import scalar
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.transfer import VideoStyleTransfer

STYLE_SIZE = 512  # pixels of a style picture's shorter side, as tsn-run takes it


class NetworksAlone:
    """The stylize network on the first frames of a clip, over and over; the style is encoded once."""

    def __init__(self, transfer: VideoStyleTransfer, *, clip: Path, style: str) -> None:
        backend, bundle = transfer.backend, transfer.bundle
        mean, std = mixed_style(bundle, backend, [StyleChoice(source=style)], size=STYLE_SIZE)
        self._backend = backend
        self._stylize = backend.load(bundle.network("stylize"))
        self._constant = {
            "mean": mean,
            "std": std,
            "strength": backend.upload(scalar(1.0)),
            "preserve_color": backend.upload(scalar(0.0)),
        }
        self._frames = [rgb[None] for rgb in first_frames(clip)]

    def __call__(self, frames: int) -> Turn:
        """Time `frames` frames. The stages follow one another without a gap: their sum is the frame's time."""
        upload: list[float] = []
        stylize: list[float] = []
        download: list[float] = []
        started = time.perf_counter()
        for index in range(frames):
            begun = time.perf_counter()
            frame = self._backend.upload(self._frames[index % len(self._frames)])
            uploaded = time.perf_counter()
            outputs = self._stylize(frame=frame, **self._constant)
            stylized = time.perf_counter()
            outputs["stylized"].numpy()
            ended = time.perf_counter()
            upload.append((uploaded - begun) * 1000)
            stylize.append((stylized - uploaded) * 1000)
            download.append((ended - stylized) * 1000)
        seconds = time.perf_counter() - started
        total = tuple(map(sum, zip(upload, stylize, download, strict=True)))
        return Turn(
            frames=frames,
            seconds=seconds,
            frame_ms=total,
            stages_ms={"upload": tuple(upload), "stylize": tuple(stylize), "download": tuple(download)},
        )
