"""Repeated measurements in a few numbers."""

import math
import statistics
from collections.abc import Sequence

import numpy as np

from tsn.benchmarks.throughput.results import Percentiles, Rate, Ratio


def rate(values: Sequence[float]) -> Rate:
    """The rate of repeated turns: their median, and their sample standard deviation as a share of it."""
    median = statistics.median(values)
    spread = statistics.stdev(values) / median if len(values) > 1 and median else 0.0
    return Rate(median=median, spread=spread, turns=tuple(values))


def ratio(values: Sequence[float], baseline: Sequence[float]) -> Ratio:
    """How many times faster than the baseline, from pairs of turns that ran one after the other."""
    ratios = [value / base for value, base in zip(values, baseline, strict=True)]
    return Ratio(median=statistics.median(ratios), low=min(ratios), high=max(ratios))


def percentiles(milliseconds: Sequence[float]) -> Percentiles:
    """Mean, p50, p95 and p99 of times in ms, interpolated linearly between neighbours."""
    p50, p95, p99 = (float(value) for value in np.percentile(milliseconds, (50, 95, 99)))
    return Percentiles(mean=float(np.mean(milliseconds)), p50=p50, p95=p95, p99=p99)


def pooled(first: float, second: float) -> float:
    """The spread that two measurements have together: the root of their mean square."""
    return math.sqrt((first**2 + second**2) / 2)
