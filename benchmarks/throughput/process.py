"""The process of a row: it is asked for turns on its stdin and answers on its stdout, one JSON document a line."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import TIMEOUT_MAX, Timer
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tsn.benchmarks.throughput.rows import Row, WeightFiles

KILLED = -9  # what a process ends with whom the system kills for its memory; Windows has no such code


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Task(_Model):
    """The task of a process for its whole life."""

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
    """A turn that is asked for; "limit" measures what the device reaches on plain work."""

    do: Literal["file", "networks", "limit"]
    frames: int = 0
    mode: str = "frame-wise"


class Turn(_Model):
    """One run of a row in a mode over some frames, and what it took. Rows run in turns: a disturbance hits them all."""

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


class RowProcess:
    """A worker in a process of its own. A worker that dies answers with the reason, as one that refuses does."""

    def __init__(self, task: Task) -> None:
        environment = dict(os.environ)
        if task.threads is not None:  # read by NumPy's library when it is loaded
            environment |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(task.threads))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tsn.benchmarks.throughput.worker", task.model_dump_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("TSN_DEBUG") == "1" else subprocess.DEVNULL,
            encoding="utf-8",
            env=environment,
        )

    def ask(self, request: Request, *, seconds: float = math.inf) -> Turn:
        """Have the worker take a turn, and wait for it; one that takes longer than `seconds` is ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        begun = time.monotonic()
        clock = Timer(min(seconds, TIMEOUT_MAX), self.stop)
        clock.daemon = True
        clock.start()
        try:
            self._process.stdin.write(request.model_dump_json() + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError:  # a broken pipe, which Windows calls an invalid argument
            line = ""
        finally:
            clock.cancel()
        if line:
            return Turn.model_validate_json(line)
        late = time.monotonic() - begun >= seconds
        return Turn(error=f"it was not ready after {seconds:.0f} s: leave --quick out" if late else self._death())

    def close(self) -> None:
        """Let the worker end; one that does not is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()

    def stop(self) -> None:
        """End the worker at once, in the middle of a turn."""
        self._process.kill()

    def _death(self) -> str:
        code = self._process.wait()
        if code == KILLED:
            return "its process was killed, most likely for want of memory"
        return f"its process ended with {code}. TSN_DEBUG=1 shows why"


@contextmanager
def row_process(
    row: Row, *, bundle: Path, weights: WeightFiles | None, style: str, threads: int | None, clip: Path, output: Path
) -> Generator[RowProcess]:
    """Start the process of a row, and end it with the block."""
    weights = weights or WeightFiles()
    process = RowProcess(
        Task(
            row=row.name,
            started=time.time(),
            bundle=bundle,
            style=style,
            threads=threads,
            clip=clip,
            output=output,
            checkpoint=weights.checkpoint,
            encoder=weights.encoder,
            decoder=weights.decoder,
        )
    )
    try:
        yield process
    except BaseException:
        process.stop()
        raise
    finally:
        process.close()
