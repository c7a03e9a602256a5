"""The result of an evaluation as JSON, as a table, as curves with a strip of frames, and as a picture of the error."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from tsn.benchmarks.quality.evaluate import Scores
from tsn.benchmarks.quality.warping import squared_error
from tsn.export.networks.graphs import frames
from tsn.runtime.frame import RGB

COLUMNS: Mapping[str, str] = {
    "rmse_short": "RMSE short",
    "rmse_long": "RMSE long",
    "laplacian_variance_ratio": "sharpness (Laplacian)",
    "gradient_magnitude_ratio": "sharpness (gradient)",
    "content_loss_ratio": "content loss",
    "style_loss_ratio": "style loss",
    "feature_consistency": "feature change",
    "ssim": "SSIM to content",
}
CURVES = ("warping_error_short", "warping_error_long", "laplacian_variance")
STRIP = 6  # frames


def document(scores: Sequence[Scores], *, facts: Mapping[str, object]) -> dict[str, object]:
    """Return the evaluation as `tsn-evaluate --json` prints it; ratios are to the first video."""
    videos = [{"name": one.name, "total": one.totals(scores[0]), "frames": one.frames} for one in scores]
    return {**facts, "videos": videos}


def markdown(scores: Sequence[Scores]) -> str:
    """Return a table with a row for each video; sharpness and losses are ratios to the first."""
    totals = [one.totals(scores[0]) for one in scores]
    shown = [name for name in COLUMNS if any(total[name] is not None for total in totals)]
    lines = ["| video | " + " | ".join(COLUMNS[name] for name in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for one, total in zip(scores, totals, strict=True):
        values = (total[name] for name in shown)
        lines.append(f"| {one.name} | " + " | ".join("" if v is None else f"{v:.3f}" for v in values) + " |")
    return "\n".join(lines)


def plot(scores: Sequence[Scores], strips: Mapping[str, Sequence[RGB]], file: Path) -> None:
    """Draw curves over the frames, and below them some frames of each video, into a PNG."""
    figure = Figure(figsize=(12, 2.2 * len(CURVES) + 1.6 * len(strips)), layout="constrained")
    rows: Any = figure.subplots(len(CURVES) + len(strips), 1)
    for axes, measure in zip(rows, CURVES, strict=False):
        for one in scores:
            values = [np.nan if value is None else value for value in one.frames[measure]]
            axes.plot(values, label=one.name)
        axes.set_ylabel(measure.replace("_", " "))
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper right")
    rows[len(CURVES) - 1].set_xlabel("frame")
    for axes, (name, strip) in zip(rows[len(CURVES) :], strips.items(), strict=True):
        axes.imshow(np.concatenate(list(strip), axis=1))
        axes.set_ylabel(name)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.savefig(file, dpi=110)


def error_picture(earlier: Tensor, later: Tensor, backward: Tensor, mask: Tensor) -> RGB:
    """Return the later frame, its warping error, and the error where the flow is trusted, side by side: (H, 3 W, 3).

    The error is shown as its root, white at a quarter of the range; blue is what is not trusted.
    """
    error = (squared_error(earlier, later, backward).sqrt() * 4).clamp(0, 1).expand(-1, 3, -1, -1)
    blue = torch.tensor([0.1, 0.2, 0.6]).view(1, 3, 1, 1)
    return frames(torch.cat([later, error, torch.where(mask > 0, error, blue)], dim=3))[0].numpy()
