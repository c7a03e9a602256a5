"""What a bundle's FP32 networks make of a scene on the CPU: what its engines are compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tsn.runtime.backends import Backend, Session, Tensor, open_backend
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.temporal.hold import TemporalBlend, open_flow
from tsn.runtime.verification.accuracy import Arrays
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.video.nvdec.nv12 import DEPTHS, drawn_planes

MOVED = 2  # pixels to the right, from a frame to the next
ALPHA, PRESERVE_COLOR, SHARE = 0.8, 0.3, 0.5  # neither 0 nor 1, so that no part of a network counts for nothing
STYLE = Size(160, 96)  # every engine of `style` takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a network."""

    inputs: Arrays
    outputs: Arrays


def reference_calls(
    bundle: Bundle, picture: RGB, *, threads: int | None = None
) -> Mapping[NetworkName, Sequence[Call]]:
    """What goes into each network and comes out of it where a run sees `picture` and then the same, moved a little.

    Args:
        picture: uint8 (height, width, 3).
        threads: how many compute on the CPU; None takes one for each core.
    """
    bundle = Bundle(bundle.folder, bundle.manifest)  # in FP32
    networks = bundle.manifest.networks
    files: dict[Path, NetworkName] = {bundle.network(name): name for name in networks}
    backend = _Recorder(open_backend("cpu", threads=threads), files)
    statistics = backend.load(bundle.network("style"))(image=backend.upload(drawn_frame(STYLE, seed=1)[None]))
    held = "blend" in networks
    stylizer = Stylizer(
        bundle,
        backend,
        style=(statistics["mean"], statistics["std"]),
        alpha=ALPHA,
        preserve_color=PRESERVE_COLOR,
        temporal=TemporalBlend(bundle, backend, flow=open_flow(None, bundle, backend)) if held else None,
    )
    for number in range(2):
        stylizer(np.ascontiguousarray(np.roll(picture, number * MOVED, axis=1)))
    if held:  # a run begins with the newer anchor alone
        inputs = {**backend.calls["blend"][-1].inputs, "share": np.array([SHARE], np.float32)}
        called(backend.load(bundle.network("blend")), inputs, backend)
    height, width, _ = picture.shape
    even = picture[: height - height % 2, : width - width % 2]
    for depth in DEPTHS.values():
        if depth.network in networks:
            called(backend.load(bundle.network(depth.network)), drawn_planes(even, depth), backend)
    return backend.calls


def called(session: Session, inputs: Arrays, backend: Backend) -> Arrays:
    """The outputs of a network for inputs in host memory."""
    outputs = session(**{name: backend.upload(array) for name, array in inputs.items()})
    return {name: tensor.numpy() for name, tensor in outputs.items()}


class _Recorder:
    """A backend that keeps what its networks take and give."""

    nvdec = None
    in_host_memory = False  # engines are compared as they run on a GPU
    concurrency = 1
    notes = ()

    def __init__(self, backend: Backend, files: Mapping[Path, NetworkName]) -> None:
        self.name, self.description = backend.name, backend.description
        self.upload, self.interrupt = backend.upload, backend.interrupt
        self._backend, self._files = backend, files
        self.calls: dict[NetworkName, list[Call]] = {name: [] for name in files.values()}

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Session:
        session, calls = self._backend.load(network), self.calls[self._files[network]]

        def call(**inputs: Tensor) -> Mapping[str, Tensor]:
            before = {name: np.array(tensor.numpy()) for name, tensor in inputs.items()}
            outputs = session(**inputs)
            after = {name: np.array(tensor.numpy()) for name, tensor in outputs.items()}
            calls.append(Call(inputs=before, outputs=after))
            return outputs

        return call
