"""Anchors where the backend computes, against those in host memory. ONNX Runtime on the CPU poses as a GPU."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.runtime.temporal.test_flow import textured
from tests.runtime.temporal.test_hold import pan
from tsn.runtime.backends.ort import OrtBackend
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.bundle.manifest import MANIFEST
from tsn.runtime.errors import BundleError
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal import anchors as anchor_keeping
from tsn.runtime.temporal.anchors import DeviceAnchor, HostAnchor, open_anchors
from tsn.runtime.temporal.flow import DisFlow, OnHost
from tsn.runtime.temporal.hold import PERIOD, TemporalBlend


class Device(OrtBackend):
    """A backend whose tensors count as elsewhere."""

    in_host_memory = False


def stylizer(bundle: Bundle, backend: OrtBackend) -> Stylizer:
    style = mixed_style(bundle, backend, [StyleChoice(source="noise")], size=64)
    return Stylizer(bundle, backend, style=style, temporal=TemporalBlend(bundle, backend, flow=OnHost(DisFlow())))


def test_a_film_held_on_a_device_is_the_one_held_in_host_memory(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    host, device = (stylizer(bundle, kind(threads=1)) for kind in (OrtBackend, Device))
    frames = [*pan(PERIOD + 12, noise=4), *(255 - frame for frame in pan(5))]  # through a fade, and over a cut
    differences = [np.abs(host(frame).astype(int) - device(frame)).mean() for frame in frames]
    assert host.temporal is not None
    assert device.temporal is not None
    assert host.temporal.cuts == device.temporal.cuts == [PERIOD + 12]
    assert max(differences) < 0.5  # levels: OpenCV reads at the nearest 1/32 pixel
    assert differences[0] == 0


def test_on_a_device_opencv_reads_nothing(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: Any) -> None:
        raise AssertionError("a frame came home")

    monkeypatch.setattr(anchor_keeping, "new_anchor", refused)
    held = stylizer(open_bundle(tiny_bundle), Device(threads=1))
    for frame in pan(3):
        held(frame)


def test_a_device_is_used_for_frames_of_changing_size(tiny_bundle: Path) -> None:
    held = stylizer(open_bundle(tiny_bundle), Device(threads=1))
    for height, width in ((64, 96), (64, 96), (80, 60), (80, 60)):
        assert held(textured(height, width)).shape == (height, width, 3)


@pytest.mark.parametrize(("backend", "kind"), [(OrtBackend, HostAnchor), (Device, DeviceAnchor)])
def test_host_memory_and_old_bundles_keep_anchors_with_opencv(tiny_bundle: Path, backend: Any, kind: type) -> None:
    bundle, frame = open_bundle(tiny_bundle), textured(40, 40)
    opened = backend(threads=1)
    stylized = opened.upload(frame[None])
    assert type(open_anchors(bundle, opened)(stylized, FrameBuffer(frame))) is kind
    networks = {name: network for name, network in bundle.manifest.networks.items() if name not in ("anchor", "carry")}
    old = Bundle(bundle.folder, bundle.manifest.model_copy(update={"networks": networks}))
    assert type(open_anchors(old, opened)(stylized, FrameBuffer(frame))) is HostAnchor


def test_a_bundle_with_one_of_the_two_networks_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bundle, tmp_path / "half")
    manifest = open_bundle(copy).manifest
    networks = {name: network for name, network in manifest.networks.items() if name != "anchor"}
    (copy / MANIFEST).write_text(manifest.model_copy(update={"networks": networks}).document())
    with pytest.raises(BundleError, match="the network 'carry' needs the network 'anchor'"):
        open_bundle(copy)
