"""Networks of a flow, for the tests of engines."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import made_once

if TYPE_CHECKING:
    from tsn.export.networks.exportable import Exportable

HALF = Fraction(1, 2)


@pytest.fixture(scope="session")
def half_flow_networks(tmp_path_factory: pytest.TempPathFactory) -> "Sequence[Exportable]":
    """A flow of one update with random weights, on frames of half the size, and its features."""
    torch = pytest.importorskip("torch")
    from tsn.export.networks.held import FlowRequest, flow_networks
    from tsn.train.networks.raft_weights import BUILDERS

    weights = tmp_path_factory.mktemp("weights") / "raft.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # every process has the same
        torch.save(BUILDERS["raft-small"](weights=None).state_dict(), weights)
    return flow_networks(FlowRequest(kind="raft-small", weights=weights, updates=1, scale=HALF))


@pytest.fixture(scope="session")
def half_flow(half_flow_networks: "Sequence[Exportable]", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of these networks as ONNX files, in FP32 and FP16."""
    from tsn.export.onnx.file import write_onnx
    from tsn.export.onnx.precision import reduced

    def make(folder: Path) -> None:
        for network in half_flow_networks:
            write_onnx(network, folder / f"{network.name}.onnx")
            write_onnx(reduced(network, "fp16"), folder / f"{network.name}.fp16.onnx")

    return made_once(tmp_path_factory, "half_flow", make)
