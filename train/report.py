"""The log of a run: a progress bar, TensorBoard, a line of losses for each few steps, and grids of pictures."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter

from tsn.runtime.files import as_output_error
from tsn.train.config import Config
from tsn.train.distributed import World
from tsn.train.networks.vision import torchvision

LOSSES = "losses.jsonl"
GRID_PICTURES = 8


class TrainingLog:
    """The written and the visible trace of a run. Silent in all processes but the first."""

    def __init__(self, folder: Path, config: Config, world: World, *, steps: int, step: int, quiet: bool) -> None:
        self.config, self.world, self.steps = config, world, steps
        self.silent = silent = not world.leads
        self.unreadable: set[str] = set()
        self.started = self.last_time = time.monotonic()
        self.pictures = self.last_pictures = 0
        self.first_step = step
        self.console = Console(stderr=True, quiet=quiet or silent)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=quiet or silent or not self.console.is_terminal,
        )
        self.task = self.progress.add_task("training", total=steps, completed=step)
        if silent:
            return
        self.folder = folder
        with as_output_error(folder):
            self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)
            self.lines = _kept_lines(folder / LOSSES, step=step)

    def step(
        self, step: int, losses: dict[str, float], *, rate: float, norm: Tensor, unreadable: tuple[str, ...]
    ) -> None:
        """Log a step that is done."""
        self.name_unreadable(unreadable)
        self.pictures += self.config.batch_size * self.world.size
        if self.silent:
            return
        self.progress.update(self.task, completed=step, description=f"loss {losses['total']:.3f}")
        if step % self.config.log_interval and step not in (1, self.steps):
            return
        now = time.monotonic()
        numbers = {
            **{f"loss/{name}": value for name, value in losses.items()},
            "learning_rate": rate,
            "gradient_norm": float(norm),
            "pictures_per_second": (self.pictures - self.last_pictures) / max(now - self.last_time, 1e-9),
            "memory_mb": memory_mb(self.world.device),
        }
        self.last_time, self.last_pictures = now, self.pictures
        with as_output_error(self.folder):
            for name, value in numbers.items():
                self.writer.add_scalar(name, value, step)
            with self.lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **numbers}) + "\n")
        if self.progress.disable:
            told = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
            speed = numbers["pictures_per_second"]
            self.say(f"step {step}/{self.steps}  {told}  {speed:.1f} pictures/s")

    def sample(self, step: int, content: Tensor, styles: Tensor, outputs: Tensor) -> None:
        """Write a grid: contents, styles, outputs."""
        if self.silent:
            return
        copies = len(outputs) // len(content)
        rows = [content.repeat_interleave(copies, dim=0), styles[: len(outputs)], outputs]
        grid = picture_grid([row[:GRID_PICTURES] for row in rows], size=content.shape[-1])
        with as_output_error(self.folder):
            (self.folder / "samples").mkdir(exist_ok=True)
            Image.fromarray(grid).save(self.folder / "samples" / f"step_{step:08d}.png")
            self.writer.add_image("content, style, output", grid, step, dataformats="HWC")

    def name_unreadable(self, found: Iterable[str]) -> None:
        """Count files that could not be read, and name each once."""
        for text in found:
            if text not in self.unreadable:
                self.unreadable.add(text)
                self.say(f"left out, {len(self.unreadable)} so far: {text}")

    def say(self, text: str) -> None:
        """Print one line for the user."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Stop the bar and flush TensorBoard."""
        self.progress.stop()
        if not self.silent:
            with as_output_error(self.folder):
                self.writer.close()


def picture_grid(rows: list[Tensor], *, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Lay rows of pictures (N, 3, H, W) in 0..1, scaled to size x size, out as one, uint8 (height, width, 3)."""
    scaled = [
        functional.interpolate(row.float().cpu(), size=(size, size), mode="bilinear", antialias=True) for row in rows
    ]
    picture = torchvision.utils.make_grid(torch.cat(scaled), nrow=len(rows[0]), padding=0)
    return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def memory_mb(device: torch.device) -> float:
    """Return the most memory that tensors took on the GPU; on a CPU, what this process holds now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return psutil.Process().memory_info().rss / 2**20


def read_losses(path: Path) -> list[dict[str, float]]:
    """Read the lines that a run wrote, in order of their steps."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _kept_lines(path: Path, *, step: int) -> Path:
    """Cut the lines after `step` off a file of losses, for a resumed run writes them again, and return the file."""
    lines = [line for line in read_losses(path) if line["step"] <= step] if step and path.exists() else []
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
