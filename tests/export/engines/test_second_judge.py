"""What a second judge, NVIDIA's polygraphy, finds in networks: here on the CPU, in test_on_gpu.py in engines."""

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("torch")
pytest.importorskip("polygraphy")

from polygraphy.backend.base import BaseRunner
from polygraphy.common import TensorMetadata

from tests.export.engines import second_judge
from tests.export.engines.second_judge import alike, runner
from tsn.export.networks.bundle import bundle_networks
from tsn.export.networks.exportable import Exportable
from tsn.export.networks.stylize import stylize_network
from tsn.export.onnx.parity import run_eager

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

LEAST_DB = 60  # of FP32 against FP32: rounding to levels is all that differs


class Eager(BaseRunner):
    """Runs the network's graph in PyTorch."""

    def __init__(self, network: Exportable) -> None:
        super().__init__(prefix="eager")
        self._network = network

    def get_input_metadata_impl(self) -> TensorMetadata:
        metadata = TensorMetadata()
        for name, array in self._network.cases[0].items():
            metadata.add(name, dtype=array.dtype, shape=(-1,) * array.ndim)
        return metadata

    def activate_impl(self) -> None:
        pass

    def infer_impl(self, feed_dict: dict[str, Any]) -> "OrderedDict[str, Any]":
        self.inference_time = 0.0
        found = run_eager(self._network, feed_dict)
        return OrderedDict((name, np.ascontiguousarray(found[name])) for name in self._network.outputs)

    def deactivate_impl(self) -> None:
        pass


def test_every_network_of_a_bundle_gives_in_onnx_runtime_what_its_graph_gives(
    tiny_bundle: Path, tiny_networks: "Networks"
) -> None:
    for network in bundle_networks(tiny_networks):
        assert alike([Eager(network), runner(tiny_bundle / f"{network.name}.onnx")], network.cases, LEAST_DB)


def test_a_flow_and_its_features_do_too(half_flow: Path, half_flow_networks: Sequence[Exportable]) -> None:
    for network in half_flow_networks:
        assert alike([Eager(network), runner(half_flow / f"{network.name}.onnx")], network.cases, LEAST_DB)


@pytest.mark.parametrize(("share", "code"), [(0.0, 0), (0.05, 1), (float("nan"), 1)])
def test_a_file_of_other_weights_is_found(
    tiny_bundle: Path, tiny_networks: "Networks", tmp_path: Path, share: float, code: int
) -> None:
    model = onnx.load(tiny_bundle / "stylize.onnx")
    weight = next(tensor for tensor in model.graph.initializer if tensor.name.endswith("decoder.0.weight"))
    weight.CopyFrom(
        onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight) * np.float32(1 + share), weight.name)
    )
    onnx.save(model, tmp_path / "other.onnx")
    np.savez(tmp_path / "case.npz", **stylize_network(tiny_networks, []).cases[0])
    words = [tiny_bundle / "stylize.onnx", tmp_path / "other.onnx", tmp_path / "case.npz", LEAST_DB]
    command = [sys.executable, second_judge.__file__, *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == code, ended.stdout + ended.stderr
