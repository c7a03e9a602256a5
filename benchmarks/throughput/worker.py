"""The program of a row's process: it takes turns as they are asked for, and its memory is its own.

python -m tsn.benchmarks.throughput.worker TASK, then a Request a line on stdin and a Turn a line on stdout.
"""

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tsn.benchmarks.throughput.machine import gpu_memory_mb, measure_limit, peak_host_mb
from tsn.benchmarks.throughput.process import Request, Task, Turn
from tsn.benchmarks.throughput.rows import MODES, ROWS, WeightFiles
from tsn.runtime.errors import TsnError, first_line


class Worker:
    """A row, opened at its first turn."""

    def __init__(self, task: Task) -> None:
        from tsn.runtime.transfer import VideoStyleTransfer  # here: the limit is measured without it

        self._task = task
        self._row = ROWS[task.row]
        self._first_frame: float | None = None
        self._transfer = VideoStyleTransfer(task.bundle, device=self._row.backend or "cpu", threads=task.threads)
        if self._row.torch is not None:
            from tsn.benchmarks.throughput.torch_backend import TorchBackend, load_weights

            files = WeightFiles(checkpoint=task.checkpoint, encoder=task.encoder, decoder=task.decoder)
            self._transfer.backend = TorchBackend(
                self._row, self._transfer.bundle, load_weights(files), threads=task.threads
            )

    def file(self, request: Request) -> Turn:
        """Take a turn from file to file, through the runtime's own pipeline."""
        from tsn.runtime.settings import Settings
        from tsn.runtime.style import StyleChoice

        task, times, mode = self._task, list[float](), MODES[request.mode]

        @contextmanager
        def ticks(total: int | None) -> Generator[Callable[[int], None]]:
            def tick(done: int) -> None:
                times.append(time.perf_counter())
                if self._first_frame is None:
                    self._first_frame = time.time() - task.started

            yield tick

        known = self._first_frame
        report = self._transfer.process(
            task.clip,
            [StyleChoice(source=task.style)],
            task.output,
            settings=Settings(max_frames=request.frames, overwrite=True, temporal=mode.temporal, work_lines=None),
            progress=ticks,
        )
        stages, frames = report.stages, report.stages.frames_out
        last = "blend" if mode.temporal else "download"  # behind `stylize`: frames that are not held come home
        seconds = {"decode": stages.decode, "stylize": stages.stylize, last: stages.blend, "encode": stages.encode}
        return Turn(
            frames=frames,
            seconds=stages.wall,
            frame_ms=tuple((after - before) * 1000 for before, after in pairwise(times)),
            stages_ms={name: (value * 1000 / frames,) for name, value in seconds.items()},
            first_frame_seconds=self._first_frame if known is None else None,
            peak_host_mb=peak_host_mb(),
            peak_gpu_mb=self._peak_gpu_mb(),
        )

    def networks(self, request: Request) -> Turn:
        """Take a turn on the networks alone, in the mode of the worker's first such turn."""
        from tsn.benchmarks.throughput.networks import NetworksAlone

        if not hasattr(self, "_alone"):
            self._alone = NetworksAlone(
                self._transfer,
                MODES[request.mode],
                clip=self._task.clip,
                style=self._task.style,
                threads=self._task.threads,
            )
        return self._alone(request.frames)

    def _peak_gpu_mb(self) -> float | None:
        if self._row.device == "cpu":
            return None
        if self._row.torch is not None:
            from tsn.benchmarks.throughput.torch_backend import peak_gpu_bytes

            return peak_gpu_bytes() / 2**20
        return gpu_memory_mb(os.getpid())  # the allocators of the inference libraries do not give memory back


def answer(task: Task, request: Request, opened: list[Worker]) -> Turn:
    """Take the turn that `request` asks for; `opened` keeps the worker from one turn to the next."""
    try:
        if request.do == "limit":
            row = ROWS[task.row]
            matmul, copy = measure_limit(row.device, row.precision, threads=task.threads)
            return Turn(matmul_flops=matmul, copy_bytes=copy)
        if not opened:
            opened.append(Worker(task))
        return opened[0].file(request) if request.do == "file" else opened[0].networks(request)
    except TsnError as error:
        return Turn(error=error.line)
    except ModuleNotFoundError as error:
        return Turn(error=f"needs {error.name}, which is not installed")
    except Exception as error:  # a library's own: the row is reported as not run, the others go on
        if os.environ.get("TSN_DEBUG") == "1":
            raise
        return Turn(error=f"{type(error).__name__}: {first_line(error)}")


def main() -> None:
    """Answer requests until stdin ends. stdout is kept for answers: what libraries print goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    task = Task.model_validate_json(sys.argv[1])
    opened: list[Worker] = []
    for line in sys.stdin:
        turn = answer(task, Request.model_validate_json(line), opened)
        answers.write(turn.model_dump_json() + "\n")
        answers.flush()
    Path(task.output).unlink(missing_ok=True)


if __name__ == "__main__":
    main()
