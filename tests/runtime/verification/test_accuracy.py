"""Differences are counted in levels by what a tensor is, and each measure alone can refuse."""

import numpy as np
import pytest

from tsn.runtime.bundle.interfaces import NETWORKS
from tsn.runtime.bundle.manifest import Accuracy
from tsn.runtime.errors import AccuracyError
from tsn.runtime.verification.accuracy import (
    BY_PRECISION,
    EXPORTED,
    IDENTICAL_DB,
    LEVELS,
    Thresholds,
    beyond,
    compare,
    distance,
    worst,
)


def test_the_measures_are_what_they_say() -> None:
    levels = np.zeros(10_000)
    levels[:20] = 2
    levels[0] = 5
    accuracy = distance(levels, frames=1)
    assert accuracy.worst_level == 5
    assert accuracy.quantile_999_level == 2
    assert accuracy.psnr_db == pytest.approx(10 * np.log10(255**2 / ((19 * 4 + 25) / 10_000)), abs=0.01)
    assert distance(np.zeros(4), frames=1).psnr_db == IDENTICAL_DB


def test_the_worst_output_counts_by_each_measure() -> None:
    one = Accuracy(psnr_db=50, worst_level=1, quantile_999_level=0.5, frames=3)
    other = Accuracy(psnr_db=60, worst_level=2, quantile_999_level=0.1, frames=3)
    assert worst([one, other]) == Accuracy(psnr_db=50, worst_level=2, quantile_999_level=0.5, frames=3)


@pytest.mark.parametrize(("measure", "value"), [("psnr_db", 49.9), ("worst_level", 2.1), ("quantile_999_level", 1.1)])
def test_each_measure_alone_can_refuse(measure: str, value: float) -> None:
    thresholds = Thresholds(psnr_db=50, worst_level=2, quantile_999_level=1)
    good = Accuracy(psnr_db=50, worst_level=2, quantile_999_level=1, frames=1)
    assert beyond(good, thresholds) is None
    found = beyond(good.model_copy(update={measure: value}), thresholds)
    assert found is not None
    assert str(value) in found


@pytest.mark.parametrize(
    ("network", "output", "difference", "levels"),
    [
        ("stylize", "stylized", 2, 2),  # levels already
        ("stylize", "styled", 0.5, 127.5),  # of a picture in 0..1
        ("flow", "flow", 0.25, 25),  # pixels
        ("blend", "coverage", 0.1, 25.5),
        ("style", "mean", 0.5, 12.75),  # the largest of these, 10, counts as 255
    ],
)
def test_a_difference_counts_by_what_the_output_is(network: str, output: str, difference: float, levels: float) -> None:
    outputs = NETWORKS[network].outputs
    kind = next(tensor for tensor in outputs if tensor.name == output)
    reference = np.full((4, 4), 10, kind.dtype)
    found = (reference + np.asarray(difference)).astype(kind.dtype)
    verdict = compare(outputs, [({output: reference}, {output: found})], allowed=EXPORTED, name="it", reference="that")
    assert verdict.accuracy.worst_level == pytest.approx(levels, rel=1e-5)
    assert verdict.complaint is not None
    assert verdict.complaint.startswith(f"{output}: PSNR")


def test_whether_anything_has_changed_must_be_exact_in_every_precision() -> None:
    one, other = {"changed": np.float32([3])}, {"changed": np.float32([3.01])}
    for allowed in (EXPORTED, *BY_PRECISION.values()):
        verdict = compare(NETWORKS["flow"].outputs, [(one, other)], allowed=allowed, name="it", reference="that")
        assert verdict.complaint is not None
        same = compare(NETWORKS["flow"].outputs, [(one, one)], allowed=allowed, name="it", reference="that")
        assert same.complaint is None


def test_another_shape_is_an_error_that_names_both() -> None:
    with pytest.raises(AccuracyError, match=r"it gives mean of shape \(3,\), that \(4,\)"):
        compare(
            NETWORKS["style"].outputs,
            [({"mean": np.zeros(4)}, {"mean": np.zeros(3)})],
            allowed=EXPORTED,
            name="it",
            reference="that",
        )


def test_every_kind_of_tensor_has_its_levels_and_thresholds() -> None:
    kinds = {tensor.kind for network in NETWORKS.values() for tensor in network.outputs}
    assert kinds <= set(LEVELS) | {"values"}
    for allowed in (EXPORTED, *BY_PRECISION.values()):
        assert kinds <= set(allowed)
