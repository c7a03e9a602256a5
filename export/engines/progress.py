"""What a builder is doing: a build of minutes that says nothing looks frozen."""

import time
from threading import Event, Lock
from typing import Any

from tsn.runtime.report import Log

INTERVAL = 5.0  # seconds between two lines


def monitor(trt: Any, log: Log, cancelled: Event) -> Any:
    """A progress monitor for the library `trt`, which reports phases and stops the build once `cancelled` is set.

    The library calls it from several threads, and may end a phase before its last step.
    """

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self._lock = Lock()
            self._phases: dict[str, tuple[int, float]] = {}  # name -> steps and when it began
            self._last = time.monotonic()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self._lock:
                self._phases[phase_name] = (num_steps, time.monotonic())
            if parent_phase is None:
                log(phase_name[:1].lower() + phase_name[1:])

        def step_complete(self, phase_name: str, step: int) -> bool:
            now = time.monotonic()
            with self._lock:
                steps, began = self._phases.get(phase_name, (0, now))
                due = steps > 1 and now - self._last >= INTERVAL
                if due:
                    self._last = now
            if due:
                done = step + 1
                left = (now - began) / done * (steps - done)
                log(f"{phase_name}: {done} of {steps} steps, about {left:.0f} s left")
            return not cancelled.is_set()

        def phase_finish(self, phase_name: str) -> None:
            with self._lock:
                self._phases.pop(phase_name, None)

    return Monitor()
