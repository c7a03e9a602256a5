"""Starting the process of a row and talking to it."""

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import TIMEOUT_MAX, Timer

from tsn.benchmarks.throughput.rows import Row
from tsn.benchmarks.throughput.task import Request, Task, Turn
from tsn.benchmarks.throughput.weights import WeightFiles


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
            text=True,
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
        except BrokenPipeError:
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
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()

    def stop(self) -> None:
        """End the worker at once, in the middle of a turn."""
        self._process.kill()

    def _death(self) -> str:
        code = self._process.wait()
        if code == -signal.SIGKILL:
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
