"""What passes between tsn-bench and the process that it starts for each row: one JSON document a line."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Model):
    """What a worker is to run, for its whole life."""

    row: str
    started: float  # seconds since the epoch: when the process was asked for
    bundle: Path
    style: str
    threads: int | None
    clip: Path
    output: Path  # written over and over
    checkpoint: Path | None = None
    encoder: Path | None = None
    decoder: Path | None = None


class Request(_Model):
    """One turn."""

    do: Literal["file", "networks", "limit"]
    frames: int = 0
    mode: str = "frame-wise"


class Turn(_Model):
    """What one turn took."""

    frames: int = 0
    seconds: float = 0.0  # file: from the first decode to the finished file
    frame_ms: tuple[float, ...] = ()  # file: between two stylized frames; networks: upload to download
    pipelined_seconds: float | None = None  # networks: as many frames as the pipeline runs them, several at once
    stages_ms: dict[str, tuple[float, ...]] = {}  # of each frame; file: one value, the mean
    first_frame_seconds: float | None = None  # since the process was started, in its first turn alone
    peak_host_mb: float | None = None
    peak_gpu_mb: float | None = None
    matmul_flops: float | None = None
    copy_bytes: float | None = None
    error: str | None = None  # why the turn could not be made; nothing else is set then
