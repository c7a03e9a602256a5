"""Parity: the same inputs through eager FP32 PyTorch and through ONNX Runtime, and the distance between the two."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from tsn.export.networks.exportable import Arrays, Exportable
from tsn.runtime.bundle.manifest import Accuracy
from tsn.runtime.errors import AccuracyError
from tsn.runtime.verification.accuracy import Thresholds, beyond, distance, worst

Run = Callable[[Arrays], Arrays]  # inputs by name -> outputs by name
OTHER_VERSIONS = "Try other versions of torch, onnx and onnxruntime"


def measure(network: Exportable, file: Path) -> Accuracy:
    """How far the ONNX file lies from the network's graph over all its cases: by each measure the worst of its outputs.

    Raises AccuracyError where an output is farther than its thresholds allow, of another shape, or not finite.
    """
    return compare(network, {file.name: run_onnx(network, file)}, network.parity.thresholds)


def compare(
    network: Exportable, runs: Mapping[str, Run], thresholds: Mapping[str, Thresholds], *, remedy: str = OTHER_VERSIONS
) -> Accuracy:
    """How far each of `runs`, ways to compute the network by what to call them, lies from its graph; as `measure`."""
    differences: dict[tuple[str, str], list[NDArray[np.float64]]] = {
        (what, output): [] for what in runs for output in network.outputs
    }
    for case in network.parity.cases:
        reference = run_eager(network, case)
        for what, run in runs.items():
            found = run(case)
            for name in network.outputs:
                if found[name].shape != reference[name].shape:
                    raise AccuracyError(
                        f"{what} gives {name} of shape {found[name].shape}, PyTorch {reference[name].shape}"
                    )
            for name, levels in network.parity.levels(reference, found).items():
                differences[what, name].append(np.abs(levels).ravel())
    frames = len(network.parity.cases)
    accuracies: list[Accuracy] = []
    for (what, name), levels in differences.items():
        accuracies.append(distance(np.concatenate(levels), frames=frames))
        refuse_distant(f"{name} of {what}", accuracies[-1], thresholds[name], remedy=remedy)
    return worst(accuracies)


def run_onnx(network: Exportable, file: Path) -> Run:
    """The network's outputs as ONNX Runtime computes them from a file, on the CPU."""
    session = _session(file)

    def run(case: Arrays) -> Arrays:
        arrays = cast("Sequence[NDArray[Any]]", session.run(list(network.outputs), dict(case)))
        return dict(zip(network.outputs, arrays, strict=True))

    return run


def run_eager(network: Exportable, case: Arrays) -> Arrays:
    """The outputs of the network's graph in eager PyTorch."""
    with torch.inference_mode():
        outputs = network.graph(*(torch.from_numpy(np.array(case[name])) for name in network.inputs))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return {name: output.numpy() for name, output in zip(network.outputs, outputs, strict=True)}


def refuse_distant(what: str, accuracy: Accuracy, thresholds: Thresholds, *, remedy: str = OTHER_VERSIONS) -> None:
    """Raise AccuracyError, naming `what`, where `accuracy` is beyond `thresholds`."""
    if found := beyond(accuracy, thresholds):
        raise AccuracyError(f"{what} is too far from PyTorch: {found}. Nothing was written. {remedy}")


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # its threads would hold up PyTorch's
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
