"""How far one way to compute a network lies from another: differences, counted in levels of an 8-bit picture."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.bundle.manifest import Accuracy
from tsn.runtime.errors import AccuracyError

IDENTICAL_DB = 200.0  # stands for the infinite PSNR of equal pictures, which JSON cannot hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """How far a network may lie from FP32, in levels of an 8-bit picture."""

    psnr_db: float  # at least
    worst_level: float  # at most
    quantile_999_level: float  # at most


def distance(levels: NDArray[np.float64], *, frames: int) -> Accuracy:
    """The measures of differences given in levels of an 8-bit picture. Raises AccuracyError where one is not finite."""
    if not np.isfinite(levels).all():
        raise AccuracyError("the network gives NaN or infinity. Its weights may be damaged, or too large for FP16")
    return Accuracy(
        psnr_db=round(psnr(levels), 2),
        worst_level=round(float(levels.max()), 5),
        quantile_999_level=round(float(np.quantile(levels, 0.999)), 5),
        frames=frames,
    )


def worst(accuracies: Iterable[Accuracy]) -> Accuracy:
    """By each measure the worst of several."""
    every = list(accuracies)
    return Accuracy(
        psnr_db=min(accuracy.psnr_db for accuracy in every),
        worst_level=max(accuracy.worst_level for accuracy in every),
        quantile_999_level=max(accuracy.quantile_999_level for accuracy in every),
        frames=every[0].frames,
    )


def beyond(accuracy: Accuracy, thresholds: Thresholds) -> str | None:
    """The measures and what they may be, for people, where `accuracy` is beyond `thresholds`; else None."""
    if (
        accuracy.psnr_db >= thresholds.psnr_db
        and accuracy.worst_level <= thresholds.worst_level
        and accuracy.quantile_999_level <= thresholds.quantile_999_level
    ):
        return None
    return (
        f"PSNR {accuracy.psnr_db:.1f} dB (at least {thresholds.psnr_db:g}), worst {accuracy.worst_level:.3f} levels "
        f"(at most {thresholds.worst_level:g}), 99.9 % quantile {accuracy.quantile_999_level:.3f} "
        f"(at most {thresholds.quantile_999_level:g})"
    )


def largest_as_255(reference: NDArray[Any], found: NDArray[Any]) -> NDArray[np.float64]:
    """Differences of an output without a scale of its own, in levels: its largest value counts as 255."""
    return (np.float64(found) - reference) * (255 / max(float(np.abs(reference).max()), 1e-6))


def psnr(levels: NDArray[np.float64]) -> float:
    """The peak signal-to-noise ratio in dB for differences in levels of 255."""
    error = float(np.mean(np.square(levels)))
    return min(IDENTICAL_DB, 10 * math.log10(255**2 / error)) if error else IDENTICAL_DB
