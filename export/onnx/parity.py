"""Parity: the same inputs through eager FP32 PyTorch and through ONNX Runtime, and the distance between the two."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from tsn.export.networks.exportable import Exportable
from tsn.runtime.bundle.interfaces import NETWORKS
from tsn.runtime.bundle.manifest import Accuracy
from tsn.runtime.errors import AccuracyError
from tsn.runtime.verification.accuracy import EXPORTED, Allowed, Arrays, compare, worst

Run = Callable[[Arrays], Arrays]  # inputs by name -> outputs by name
OTHER_VERSIONS = "Try other versions of torch, onnx and onnxruntime"


def measure(network: Exportable, file: Path) -> Accuracy:
    """Return how far an ONNX file lies from the network's graph over all its cases, by each measure the worst output.

    Raises AccuracyError where an output is farther than EXPORTED allows, of another shape, or not finite.
    """
    return measure_runs(network, {file.name: run_onnx(network, file)}, allowed=EXPORTED)


def measure_runs(
    network: Exportable, runs: Mapping[str, Run], *, allowed: Allowed, remedy: str = OTHER_VERSIONS
) -> Accuracy:
    """Return how far `runs`, ways to compute the network by their names, lie from its graph: as `measure` does."""
    references = [run_eager(network, case) for case in network.cases]
    accuracies: list[Accuracy] = []
    for name, run in runs.items():
        cases = ((reference, run(case)) for reference, case in zip(references, network.cases, strict=True))
        verdict = compare(NETWORKS[network.name].outputs, cases, allowed=allowed, name=name, reference="PyTorch")
        if verdict.complaint is not None:
            raise AccuracyError(f"{name} is too far from PyTorch: {verdict.complaint}. Nothing was written. {remedy}")
        accuracies.append(verdict.accuracy)
    return worst(accuracies)


def run_onnx(network: Exportable, file: Path) -> Run:
    """Return a function that gives the network's outputs as ONNX Runtime computes them from a file, on the CPU."""
    session = _session(file)

    def run(case: Arrays) -> Arrays:
        arrays = cast("Sequence[NDArray[Any]]", session.run(network.outputs, dict(case)))
        return dict(zip(network.outputs, arrays, strict=True))

    return run


def run_eager(network: Exportable, case: Arrays) -> Arrays:
    """Return the outputs of the network's graph in eager PyTorch."""
    with torch.inference_mode():
        outputs = network.graph(*(torch.from_numpy(np.array(case[name])) for name in network.inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return {name: output.numpy() for name, output in zip(network.outputs, outputs, strict=True)}


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # its threads would hold up PyTorch's
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
