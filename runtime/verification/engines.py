"""An engine compared with the FP32 network that it was made from, on the GPU that is to run it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsn.runtime.backends import Array, Backend
from tsn.runtime.backends.engine_fit import rebuild
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.bundle.manifest import MANIFEST, Accuracy, Engine, Manifest, Network, NetworkName, Precision
from tsn.runtime.errors import AccuracyError, OutputError
from tsn.runtime.files import whole_file
from tsn.runtime.geometry import Size
from tsn.runtime.verification.accuracy import Thresholds, beyond, distance, largest_as_255, worst
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.verification.reference import Arrays, Call, called, reference_calls

TensorKind = Literal["picture", "flow", "values"]
KINDS: Mapping[str, TensorKind] = {
    "styled": "picture",
    "stylized": "picture",
    "frame": "picture",
    "flow": "flow",
    "anchor": "picture",
    "carried": "picture",
    "carried_displacement": "flow",
    "intact": "picture",
    "blended": "picture",
}
"""What an output is. Those that are not named are values without a scale: their largest counts as 255 levels."""

THRESHOLDS: Mapping[Precision, Mapping[TensorKind, Thresholds]] = {
    # Kernels of FP32 add in another order; after rounding to levels a value near a tie may fall on either side. These
    # are set, not measured on a GPU: above the 61 dB that FP16's rounding gives the VGG-19 networks, to notice it.
    "fp32": {
        "picture": Thresholds(psnr_db=65, worst_level=2, quantile_999_level=1),
        "flow": Thresholds(psnr_db=65, worst_level=10, quantile_999_level=2),
        "values": Thresholds(psnr_db=65, worst_level=0.5, quantile_999_level=0.5),
    },
    # What the export allows the network itself: tests/export/test_verification.py holds the two together.
    "fp16": {
        "picture": Thresholds(psnr_db=55, worst_level=4, quantile_999_level=2),
        "flow": Thresholds(psnr_db=50, worst_level=25, quantile_999_level=10),
        "values": Thresholds(psnr_db=48, worst_level=16, quantile_999_level=8),
    },
    "bf16": {
        "picture": Thresholds(psnr_db=46, worst_level=12, quantile_999_level=5),
        "flow": Thresholds(psnr_db=38, worst_level=100, quantile_999_level=50),
        "values": Thresholds(psnr_db=38, worst_level=48, quantile_999_level=20),
    },
}
FLOW_LEVELS = 100  # for a pixel of flow
SCENE = Size(160, 96)  # what an engine is compared on where it takes that: small, and quick on a CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How far an engine lies from its network: by each measure the worst of its outputs."""

    accuracy: Accuracy
    complaint: str | None  # the outputs that lie too far, with what they may; None where none does


def compare(engine: Engine, run: Callable[[Arrays], Arrays], calls: Sequence[Call]) -> Verdict:
    """How far `run`, an engine, lies from what the FP32 network gave in `calls`.

    Raises AccuracyError where an output is not finite or of another shape.
    """
    differences: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for call in calls:
        found = run(call.inputs)
        for name, reference in call.outputs.items():
            if found[name].shape != reference.shape:
                raise AccuracyError(
                    f"{engine.file} gives {name} of shape {found[name].shape}, its network {reference.shape}"
                )
            differences[name].append(np.abs(_levels(name, reference, found[name])).ravel())
    accuracies = {name: distance(np.concatenate(levels), frames=len(calls)) for name, levels in differences.items()}
    allowed = THRESHOLDS[engine.precision]
    complaints = [
        f"{name}: {text}"
        for name, accuracy in accuracies.items()
        if (text := beyond(accuracy, allowed[KINDS.get(name, "values")]))
    ]
    return Verdict(accuracy=worst(accuracies.values()), complaint="; ".join(complaints) or None)


def verified_bundle(
    bundle: Bundle, backend: Backend, *, threads: int | None = None, log: Callable[[str], None] = lambda line: None
) -> Bundle:
    """`bundle` after those of its engines that no GPU has run were compared with its ONNX files on the CPU.

    The manifest is told, where it can be written. `log` gets a line for each engine that is compared.

    Raises AccuracyError where an engine is too far from its network.
    """
    found: dict[NetworkName, Accuracy] = {}
    scenes: dict[Size, Mapping[NetworkName, Sequence[Call]]] = {}
    for name, network in bundle.manifest.networks.items():
        engine = network.engine
        if engine is None or engine.verified is not None or engine.library != backend.name:
            continue
        log(f"{engine.file} has not run on a GPU yet: it is compared with {network.file} on the CPU, this once")
        session = backend.load(bundle.checked(engine))
        size = SCENE.within(Size.parse(engine.minimum), Size.parse(engine.maximum))
        if size not in scenes:
            scenes[size] = reference_calls(bundle, drawn_frame(size, seed=0), threads=threads)
        verdict = compare(engine, lambda inputs, session=session: called(session, inputs, backend), scenes[size][name])
        if verdict.complaint is not None:
            raise AccuracyError(
                f"{bundle.folder / engine.file} is too far from its network on this GPU: {verdict.complaint}. "
                f"{rebuild(bundle.folder, engine.library)}, or run the network itself: --backend cuda"
            )
        found[name] = verdict.accuracy
    return _told(bundle, found) if found else bundle


def inaccurate_engines(manifest: Manifest) -> list[str]:
    """A line for each engine that is known to lie too far from its network, and was kept all the same."""
    return [
        f"{engine.file} is inaccurate: PSNR {engine.verified.psnr_db:.1f} dB, worst {engine.verified.worst_level:.1f} "
        f"levels from {network.file}; it was built with --allow-inaccurate"
        for network in manifest.networks.values()
        if (engine := network.engine) is not None and engine.inaccurate and engine.verified is not None
    ]


def _levels(name: str, reference: Array, found: Array) -> NDArray[np.float64]:
    kind = KINDS.get(name, "values")
    if kind == "values":
        return largest_as_255(reference, found)
    scale = FLOW_LEVELS if kind == "flow" else 1 if reference.dtype == np.uint8 else 255
    return (np.float64(found) - reference) * scale


def _told(bundle: Bundle, found: Mapping[NetworkName, Accuracy]) -> Bundle:
    """The bundle with what was found, in its manifest too where that can be written."""
    latest = open_bundle(bundle.folder).manifest  # another run may have told it of others

    def with_verified(name: NetworkName, network: Network) -> Network:
        ours = bundle.manifest.networks[name].engine if name in bundle.manifest.networks else None
        if name not in found or ours is None or network.engine is None or network.engine.sha256 != ours.sha256:
            return network
        return network.model_copy(update={"engine": network.engine.model_copy(update={"verified": found[name]})})

    networks = {name: with_verified(name, network) for name, network in latest.networks.items()}
    manifest = latest.model_copy(update={"networks": networks})
    try:
        with whole_file(bundle.folder / MANIFEST, overwrite=True) as temporary:
            temporary.write_text(manifest.document(), encoding="utf-8")
    except (OSError, OutputError):
        return bundle  # it may be read-only; the next run compares again
    return Bundle(bundle.folder, manifest, form=bundle.form)
