"""What is left of a run at its end: summary.json, losses.png and model.pth, the networks alone."""

import json
import time
from pathlib import Path

import matplotlib
import torch
from matplotlib.figure import Figure

from tsn.runtime.atomic import whole_file
from tsn.train.checkpoint import save_checkpoint
from tsn.train.loop import Run, state
from tsn.train.report import LOSSES, read_losses

SUMMARY, PLOT, MODEL = "summary.json", "losses.png", "model.pth"
SHARE = 20  # the first and last losses are means over this share of the lines, one in so many


def finish(run: Run) -> None:
    """Write what is left of a run, from the first process."""
    if not run.world.leads:
        return
    content = {key: value for key, value in state(run).items() if key in ("architecture", "model", "step", "config")}
    save_checkpoint(run.folder / MODEL, content)
    lines = read_losses(run.folder / LOSSES)
    first, last = first_and_last(lines)
    summary = {
        "architecture": run.config.architecture,
        "steps": run.step,
        "epochs": run.step / run.numbers.steps_per_epoch,
        "photos": run.numbers.photos,
        "processes": run.world.size,
        "device": torch.cuda.get_device_name(run.world.device) if run.world.device.type == "cuda" else "cpu",
        "seconds": round(time.monotonic() - run.report.started, 1),  # of this process: a resumed run counts anew
        "first": first,
        "last": last,
        "unreadable": sorted(run.report.unreadable),
        "checkpoint": str(run.saved),
        "config": run.config.model_dump(),
    }
    with whole_file(run.folder / SUMMARY, overwrite=True) as path:
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    with whole_file(run.folder / PLOT, overwrite=True) as path:
        plot(lines, path)


def first_and_last(lines: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Each loss as a mean over the first and over the last lines."""
    count = max(len(lines) // SHARE, 1)
    names = [name for name in lines[0] if name.startswith("loss/")]
    ends = (lines[:count], lines[-count:])
    first, last = ({name[5:]: sum(line[name] for line in end) / count for name in names} for end in ends)
    return first, last


def plot(lines: list[dict[str, float]], path: Path) -> None:
    """Each loss over the steps, on a logarithmic scale, with its running mean."""
    with matplotlib.rc_context({"font.size": 9}):
        names = [name for name in lines[0] if name.startswith("loss/")]
        figure = Figure(figsize=(8, 2 * len(names)), layout="constrained")
        steps = [line["step"] for line in lines]
        for place, name in enumerate(names):
            axes = figure.add_subplot(len(names), 1, place + 1)
            values = [line[name] for line in lines]
            window = max(len(values) // SHARE, 1)
            means = [sum(part) / len(part) for part in (values[max(0, i - window) : i + 1] for i in range(len(values)))]
            axes.plot(steps, values, color="0.75", linewidth=0.8)
            axes.plot(steps, means, color="tab:blue", linewidth=1.5)
            axes.set_yscale("log")
            axes.set_ylabel(name[5:])
            axes.grid(alpha=0.3)
        figure.axes[-1].set_xlabel("step")
        figure.savefig(path, dpi=120)
