"""An engine compared with the FP32 network that it was made from, on the GPU that is to run it."""

from collections.abc import Callable, Mapping, Sequence

from tsn.runtime.backends import Backend
from tsn.runtime.backends.engine_fit import rebuild
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.bundle.interfaces import NETWORKS, NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Accuracy, Engine, Manifest, Network
from tsn.runtime.errors import AccuracyError, OutputError
from tsn.runtime.files import whole_file
from tsn.runtime.geometry import Size
from tsn.runtime.report import Log
from tsn.runtime.verification.accuracy import BY_PRECISION, Arrays, Verdict, compare
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.verification.reference import Call, called, reference_calls

SCENE = Size(160, 96)  # what an engine is compared on where it takes that: small, and quick on a CPU


def compare_engine(
    name: NetworkName, engine: Engine, run: Callable[[Arrays], Arrays], calls: Sequence[Call]
) -> Verdict:
    """Return how far `run`, an engine of the network `name`, lies from what the FP32 network gave in `calls`.

    Raises AccuracyError where an output is not finite or of another shape.
    """
    return compare(
        NETWORKS[name].outputs,
        ((call.outputs, run(call.inputs)) for call in calls),
        allowed=BY_PRECISION[engine.precision],
        name=engine.file,
        reference="its network",
    )


def verified_bundle(
    bundle: Bundle, backend: Backend, *, threads: int | None = None, log: Log = lambda line: None
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
        verdict = compare_engine(
            name, engine, lambda inputs, session=session: called(session, inputs, backend), scenes[size][name]
        )
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
