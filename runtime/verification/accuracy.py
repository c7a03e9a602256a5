"""How far one way to compute a network lies from another: differences, counted in levels of an 8-bit picture."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Array
from tsn.runtime.bundle.interfaces import TensorKind, TensorType
from tsn.runtime.bundle.manifest import Accuracy, Precision
from tsn.runtime.errors import AccuracyError

IDENTICAL_DB = 200.0  # stands for the infinite PSNR of equal pictures, which JSON cannot hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """How far a network may lie from FP32, in levels of an 8-bit picture."""

    psnr_db: float  # at least
    worst_level: float  # at most
    quantile_999_level: float  # at most


Allowed = Mapping[TensorKind, Thresholds]
Arrays = Mapping[str, Array]

LEVELS: Final[Mapping[TensorKind, float]] = {"levels": 1, "picture": 255, "flow": 100, "share": 255, "exact": 1}
"""How many levels one of a tensor of a kind counts as. The largest of `values` counts as 255."""

_EXACT: Final = Thresholds(psnr_db=199, worst_level=0, quantile_999_level=0)
_SUMS: Final = Thresholds(psnr_db=80, worst_level=0.1, quantile_999_level=0.1)

EXPORTED: Final[Allowed] = {
    # ONNX Runtime beside PyTorch, both in FP32 on a CPU: the two differ by the order of additions alone. Measured on
    # the VGG-19 networks, 120 dB. A wrong kernel, padding or cast moves edges or areas by a tenth of a level and more.
    "picture": Thresholds(psnr_db=75, worst_level=0.25, quantile_999_level=0.1),
    # After rounding, a value near a tie may fall on either side: one level, at a pixel in ten thousand.
    "levels": Thresholds(psnr_db=65, worst_level=1, quantile_999_level=1),
    # The updates of RAFT amplify such differences; measured, 0.0001 pixel. A wrong lookup or padding is off by tenths.
    "flow": Thresholds(psnr_db=75, worst_level=5, quantile_999_level=1),
    "values": _SUMS,  # measured on statistics of the style, 135 dB and 0.001
    "share": _SUMS,
    "exact": _EXACT,
}


def _engine(picture: Thresholds, flow: Thresholds, values: Thresholds) -> Allowed:
    kinds: Allowed = {"picture": picture, "levels": picture, "flow": flow, "values": values, "share": values}
    return {**kinds, "exact": _EXACT}


BY_PRECISION: Final[Mapping[Precision, Allowed]] = {
    # Kernels of FP32 add in another order; after rounding to levels a value near a tie may fall on either side. These
    # are set, not measured on a GPU: above the 61 dB that FP16's rounding gives the VGG-19 networks, to notice it.
    "fp32": _engine(
        picture=Thresholds(psnr_db=65, worst_level=2, quantile_999_level=1),
        flow=Thresholds(psnr_db=65, worst_level=10, quantile_999_level=2),
        values=Thresholds(psnr_db=65, worst_level=0.5, quantile_999_level=0.5),
    ),
    # Convolutions and what they pass on in half precision, all else FP32. Measured with the result of every layer
    # rounded: pictures of the VGG-19 networks 61 dB, worst 2 levels, 99.9 % quantile 1 in FP16; 51 dB, 6 and 3 in BF16,
    # whose mantissa has 8 bits to FP16's 11. The original raft-small, 12 updates, on two pairs of 424x240: features
    # 53 dB and worst 6.4 levels in FP16, 44 dB and 21 in BF16; flow worst 0.03 pixel in FP16, 0.15 in BF16. Between
    # frames of two scenes, where no flow is true, the updates amplify any rounding to many pixels: such pairs are not
    # compared.
    "fp16": _engine(
        picture=Thresholds(psnr_db=55, worst_level=4, quantile_999_level=2),
        flow=Thresholds(psnr_db=50, worst_level=25, quantile_999_level=10),
        values=Thresholds(psnr_db=48, worst_level=16, quantile_999_level=8),
    ),
    "bf16": _engine(
        picture=Thresholds(psnr_db=46, worst_level=12, quantile_999_level=5),
        flow=Thresholds(psnr_db=38, worst_level=100, quantile_999_level=50),
        values=Thresholds(psnr_db=38, worst_level=48, quantile_999_level=20),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far a network lies from its reference: by each measure the worst of its outputs."""

    accuracy: Accuracy
    complaint: str | None  # the outputs that lie too far, with what they may; None where none does


def compare(
    outputs: Sequence[TensorType],
    cases: Iterable[tuple[Arrays, Arrays]],
    *,
    allowed: Allowed,
    name: str,
    reference: str,
) -> Verdict:
    """Return how far a network lies from its reference over `cases`: what the reference gave, and what was found.

    Args:
        outputs: of the network.
        cases: by the names of outputs; those that the reference did not give are not compared.
        allowed: the thresholds for each kind of output.
        name, reference: what errors call the network and its reference.

    Raises AccuracyError where an output is not finite or of another shape.
    """
    kinds: dict[str, TensorKind] = {tensor.name: tensor.kind for tensor in outputs}
    differences: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    frames = 0
    for expected, found in cases:
        frames += 1
        for output, values in expected.items():
            if found[output].shape != values.shape:
                raise AccuracyError(f"{name} gives {output} of shape {found[output].shape}, {reference} {values.shape}")
            differences[output].append(np.abs(_in_levels(kinds[output], values, found[output])).ravel())
    accuracies = {output: distance(np.concatenate(levels), frames=frames) for output, levels in differences.items()}
    complaints = [
        f"{output}: {text}"
        for output, accuracy in accuracies.items()
        if (text := beyond(accuracy, allowed[kinds[output]]))
    ]
    return Verdict(accuracy=worst(accuracies.values()), complaint="; ".join(complaints) or None)


def _in_levels(kind: TensorKind, reference: Array, found: Array) -> NDArray[np.float64]:
    levels = LEVELS[kind] if kind != "values" else 255 / max(float(np.abs(reference).max()), 1e-6)
    return (np.float64(found) - reference) * levels


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


def psnr(levels: NDArray[np.float64]) -> float:
    """The peak signal-to-noise ratio in dB for differences in levels of 255."""
    error = float(np.mean(np.square(levels)))
    return min(IDENTICAL_DB, 10 * math.log10(255**2 / error)) if error else IDENTICAL_DB
