"""Parity finds what differs, and lets pass what does not."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tsn.export.networks.graphs import StylizeGraph
from tsn.export.networks.stylize import style_network, stylize_network
from tsn.export.onnx import parity
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import AccuracyError

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


def changed(networks: "Networks", share: float) -> "torch.nn.Module":
    """The stylize graph with the weights of the decoder's first layer scaled by 1 + share."""
    decoder = networks.architecture.decoder()
    decoder.load_state_dict(networks.decoder.state_dict())
    with torch.no_grad():
        next(decoder.parameters()).mul_(1 + share)
    return StylizeGraph(networks.encoder, decoder).eval()


def test_the_distance_of_an_exact_export_is_small_and_in_the_manifest(tiny_bundle: Path) -> None:
    for network in open_bundle(tiny_bundle).manifest.networks.values():
        assert network.accuracy is not None
        assert network.accuracy.psnr_db > 75
        assert network.accuracy.worst_level <= 1
        assert network.accuracy.frames == 4


@pytest.mark.parametrize("share", [0.05, float("nan")])
def test_a_network_that_computes_something_else_is_refused(
    tiny_bundle: Path, tiny_networks: "Networks", share: float
) -> None:
    network = dataclasses.replace(stylize_network(tiny_networks, []), graph=changed(tiny_networks, share))
    with pytest.raises(AccuracyError, match=r"too far from PyTorch|NaN or infinity"):
        parity.measure(network, tiny_bundle / "stylize.onnx")


def test_pictures_that_are_given_are_compared_too(tiny_bundle: Path, tiny_networks: "Networks") -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, 33, 47, 3), dtype=np.uint8)
    accuracy = parity.measure(style_network(tiny_networks, [picture]), tiny_bundle / "style.onnx")
    assert accuracy.frames == 5
