"""The end of a run: summary.json, losses.png, and model.pth, the networks alone."""

import json
import time
from pathlib import Path

import matplotlib
import torch
from matplotlib.figure import Figure

from tsn.runtime.files import as_output_error, whole_file
from tsn.train.checkpoint import save_checkpoint
from tsn.train.loop import Run, state
from tsn.train.report import LOSSES, read_losses

SUMMARY, PLOT, MODEL = "summary.json", "losses.png", "model.pth"
SHARE = 20  # the first and last losses are means over this share of the lines, one in so many


def finish(run: Run) -> None:
    """Write these three, from the first process."""
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
    with as_output_error(run.folder):
        with whole_file(run.folder / SUMMARY, overwrite=True) as path:
            path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        with whole_file(run.folder / PLOT, overwrite=True) as path:
            plot(lines, path)


def first_and_last(lines: list[dict[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean of each loss over its first and over its last lines."""
    ends: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for name, (_, values) in curves(lines).items():
        count = max(len(values) // SHARE, 1)
        ends[0][name], ends[1][name] = sum(values[:count]) / count, sum(values[-count:]) / count
    return ends


def curves(lines: list[dict[str, float]]) -> dict[str, tuple[list[float], list[float]]]:
    """Return the steps and values of each loss. A resumed run may have taken on or dropped some."""
    names = sorted({name for line in lines for name in line if name.startswith("loss/")}, key=_place)
    found = {name: [(line["step"], line[name]) for line in lines if name in line] for name in names}
    return {name[5:]: ([step for step, _ in pairs], [value for _, value in pairs]) for name, pairs in found.items()}


def plot(lines: list[dict[str, float]], path: Path) -> None:
    """Plot each loss over the steps, on a logarithmic scale, with its running mean."""
    drawn = curves(lines)
    with matplotlib.rc_context({"font.size": 9}):
        figure = Figure(figsize=(8, 2 * len(drawn)), layout="constrained")
        first = None
        for place, (name, (steps, values)) in enumerate(drawn.items()):
            axes = first = figure.add_subplot(len(drawn), 1, place + 1, sharex=first)
            window = max(len(values) // SHARE, 1)
            means = [sum(part) / len(part) for part in (values[max(0, i - window) : i + 1] for i in range(len(values)))]
            axes.plot(steps, values, color="0.75", linewidth=0.8)
            axes.plot(steps, means, color="tab:blue", linewidth=1.5)
            axes.set_yscale("log")
            axes.set_ylabel(name)
            axes.grid(alpha=0.3)
        figure.axes[-1].set_xlabel("step")
        figure.savefig(path, dpi=80)


def _place(name: str) -> tuple[int, str]:
    order = ("loss/total", "loss/content", "loss/style")
    return order.index(name) if name in order else len(order), name
