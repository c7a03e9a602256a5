"""A judge that shares no code with ours: NVIDIA's polygraphy runs two files and compares what they give.

python second_judge.py NETWORK.onnx OTHER INPUTS.npz DB: ends with 0 where each output of OTHER, another ONNX file or a
plan, has at least DB of PSNR against NETWORK's, which ONNX Runtime computes on the CPU. In a process of its own, for
polygraphy takes one library of TensorRT's kind for a process: $POLYGRAPHY_USE_TENSORRT_RTX=1 says which.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from polygraphy.backend.base import BaseRunner
from polygraphy.backend.common import BytesFromPath
from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
from polygraphy.backend.trt import EngineFromBytes, TrtRunner
from polygraphy.comparator import Comparator, PsnrCompareFunc


def runner(file: Path) -> BaseRunner:
    """What runs a file: ONNX Runtime on the CPU, or the library of TensorRT's kind."""
    if file.suffix == ".onnx":
        return OnnxrtRunner(SessionFromOnnx(str(file), providers=["CPUExecutionProvider"]))
    return TrtRunner(EngineFromBytes(BytesFromPath(str(file))))


def alike(runners: Sequence[BaseRunner], cases: Sequence[Mapping[str, Any]], least_db: float) -> bool:
    """Whether each output of the second runner has at least `least_db` of PSNR against the first's, in each case."""
    results = Comparator.run(list(runners), data_loader=[dict(case) for case in cases])
    return bool(Comparator.compare_accuracy(results, compare_func=PsnrCompareFunc(psnr_threshold=least_db)))


if __name__ == "__main__":
    network, other, inputs, least_db = sys.argv[1:]
    files = [runner(Path(network)), runner(Path(other))]
    sys.exit(0 if alike(files, [np.load(inputs)], float(least_db)) else 1)
