"""The one table of networks agrees with itself, with the shipped files, and with the sizes of frames."""

from collections import defaultdict
from fractions import Fraction
from typing import get_args

import pytest

from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.interfaces import (
    AXIS_LENGTHS,
    CHANNELS,
    NETWORKS,
    NetworkName,
    axis_lengths,
    feature_size,
    frame_size,
)
from tsn.runtime.geometry import Size


def test_every_network_is_in_the_table_and_what_it_needs_too() -> None:
    assert set(NETWORKS) == set(get_args(NetworkName))
    assert all(needed in NETWORKS for network in NETWORKS.values() for needed in network.needs)


def test_every_axis_that_has_a_name_has_a_length() -> None:
    names = {axis for network in NETWORKS.values() for tensor in network.tensors for axis in tensor.shape}
    assert {name for name in names if isinstance(name, str)} == {*AXIS_LENGTHS, CHANNELS}


def test_an_input_of_one_name_has_the_same_axes_in_every_network() -> None:
    axes = defaultdict(set)
    for network in NETWORKS.values():
        for tensor in network.inputs:
            axes[tensor.name].add(tuple(tensor.dynamic_axes.items()))
    assert {name for name, found in axes.items() if len(found) > 1} == set()


def test_the_shipped_networks_are_as_the_table_says() -> None:
    for name, network in open_bundle("lite").manifest.networks.items():
        for tensor in NETWORKS[name].tensors:
            spec = (network.inputs | network.outputs)[tensor.name]
            assert spec.dtype == tensor.dtype, (name, tensor.name)
            assert len(spec.shape) == len(tensor.shape), (name, tensor.name)
            for found, expected in zip(spec.shape, tensor.shape, strict=True):
                assert found == expected or expected == CHANNELS, (name, tensor.name, found, expected)


@pytest.mark.parametrize(
    ("shapes", "size"),
    [
        ({"frame": (1, 48, 64, 3), "mean": (8,), "std": (8,)}, Size(64, 48)),
        ({"displacement": (1, 5, 7, 2), "flow": (1, 5, 7, 2), "anchor": (1, 5, 7, 4)}, Size(7, 5)),
        ({"chroma": (1, 24, 32, 2, 1), "luma": (1, 24, 2, 32, 2, 1)}, Size(64, 48)),
        ({"mean": (8,)}, None),
    ],
)
def test_the_size_of_frames_is_read_from_what_a_network_takes(
    shapes: dict[str, tuple[int, ...]], size: Size | None
) -> None:
    assert frame_size(shapes) == size


def test_axes_of_a_flow_are_those_of_its_frames_and_of_its_features() -> None:
    size = Size(424, 240)
    features = feature_size(size, Fraction(1, 2))
    assert features == Size(27, 16)  # an eighth of 212x120, of which the shorter side is padded to 128
    shapes = {"current": (1, 240, 424, 3), "features": (1, 128, features.height, features.width)}
    assert axis_lengths(shapes) == {
        "height": 240,
        "width": 424,
        "feature_height": features.height,
        "feature_width": features.width,
    }
    for name, length in axis_lengths(shapes).items():
        assert AXIS_LENGTHS[name](size, Fraction(1, 2)) == length


def test_planes_of_half_the_size_are_of_frames_of_the_whole() -> None:
    halves = {"height": 48, "width": 64, "half_height": 24, "half_width": 32}
    assert axis_lengths({"luma": (1, 24, 2, 32, 2, 1), "chroma": (1, 24, 32, 2, 1)}) == halves
