"""The engines of a bundle: built from its ONNX files, described in its manifest. Whole or not at all."""

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

from tsn.export.engines.request import STYLE_SIZES, EngineRequest, Sizes
from tsn.export.engines.tensorrt import Builder, build_engine, open_builder
from tsn.export.engines.torch_tensorrt import build_torch_engine, open_torch_tensorrt
from tsn.export.engines.verify import EngineJudge
from tsn.export.networks.exportable import Exportable
from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import Bundle, open_bundle, sha256
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Engine, Manifest, Network, Precision, Variant, Via
from tsn.runtime.errors import OutputError, UsageError
from tsn.runtime.files import whole_file
from tsn.runtime.frame import RGB
from tsn.runtime.report import Log
from tsn.runtime.video.nvdec.nv12 import DEPTHS


def refuse_unbuildable(request: EngineRequest) -> None:
    """Raise what add_engines would for a library or a GPU that is missing: UnavailableError or UsageError."""
    open_builder(request)
    if request.via == "torch-tensorrt":
        open_torch_tensorrt()


def add_engines(
    folder: Path,
    request: EngineRequest,
    *,
    stylizer: Exportable | None = None,
    pictures: Sequence[RGB] = (),
    log: Log = lambda line: None,
) -> Manifest:
    """Build an engine of every network of the bundle in `folder`, replacing any that are there; give its manifest.

    `stylizer` is what the network `stylize` was exported from, where the request goes another way than by ONNX.
    Where they are built on a GPU, each is compared with its FP32 network on drawn frames and on `pictures`.

    Raises:
        AccuracyError: an engine lies too far from its network, and the request does not allow that.
        UnavailableError: the library or the GPU that it needs is missing, or too small.
        UsageError: the bundle or the library does not hold what is asked for.
        BundleError: the bundle cannot be used, or the library cannot build a network of it.
        OutputError: the bundle cannot be written to.
    """
    builder = open_builder(request)
    backend = None if builder.gpu is None else open_backend(request.library)  # here, not after minutes of building
    bundle = open_bundle(folder)
    folder = bundle.folder
    _refuse_sizes(bundle, request)
    with ExitStack() as stack:
        # Entered first, so renamed last: a manifest never speaks of an engine that is not there.
        manifest_file = stack.enter_context(whole_file(folder / MANIFEST, overwrite=True))
        networks: dict[NetworkName, Network] = {}
        judge = None if backend is None else EngineJudge(bundle, backend, request, pictures)
        for name, network in bundle.manifest.networks.items():
            precision, source = _source(bundle, network, request.precision)
            sizes = STYLE_SIZES if name == "style" else request.sizes.even() if name in DEPTHS else request.sizes
            path = bundle.checked(source)
            log(f"{name}: building {precision} with {builder.library.title} for {_target(builder)}, frames of {sizes}")
            via: Via = "onnx" if name != "stylize" or stylizer is None else request.via
            if stylizer is not None and via == "torch-tensorrt":
                plan = build_torch_engine(stylizer, precision, sizes.optimum, request)
            else:
                plan = build_engine(
                    path,
                    builder,
                    sizes,
                    scale=Fraction(network.scale or 1).limit_denominator(100),
                    log=lambda line, name=name: log(f"{name}: {line}"),
                )
            file = folder / plan_name(name)
            unfinished = stack.enter_context(whole_file(file, overwrite=True))
            try:
                unfinished.write_bytes(plan)
            except OSError as error:
                raise OutputError(f"cannot write {file}: {error.strerror or error}") from error
            log(f"{name}: {file.name} has {len(plan) / 1e6:.1f} MB")
            engine = _engine(builder, file, unfinished, precision=precision, source=source, sizes=sizes)
            engine = engine.model_copy(update={"via": via})
            if judge is not None:
                engine = judge.verified(name, engine, plan, log)
            networks[name] = network.model_copy(update={"engine": engine})
        manifest = bundle.manifest.model_copy(update={"networks": networks})
        manifest_file.write_text(manifest.document(), encoding="utf-8")
    return manifest


def plan_name(name: NetworkName) -> str:
    """The file of a network's engine; that of the stylizer is the one that users name."""
    return "engine.plan" if name == "stylize" else f"{name}.plan"


def _engine(
    builder: Builder, file: Path, written: Path, *, precision: Precision, source: Network | Variant, sizes: Sizes
) -> Engine:
    return Engine(
        file=file.name,
        sha256=sha256(written),
        library=builder.library.name,
        version=builder.library.version,
        compute_capabilities=builder.compute_capabilities,
        gpu=builder.gpu.name if builder.gpu else None,
        precision=precision,
        onnx_sha256=source.sha256,
        minimum=str(sizes.minimum),
        optimum=str(sizes.optimum),
        maximum=str(sizes.maximum),
        verified=None,
    )


def _source(bundle: Bundle, network: Network, precision: Precision) -> tuple[Precision, Network | Variant]:
    """The file to build from. A network that was never reduced is built in FP32."""
    if precision == "fp32":
        return "fp32", network
    if not any(precision in other.variants for other in bundle.manifest.networks.values()):
        raise UsageError(
            f"the bundle {bundle.folder} holds no network in {precision}: a precision is written at the export. "
            f"Export it again with --{precision}, or leave --{precision} out"
        )
    variant = network.variants.get(precision)
    return ("fp32", network) if variant is None else (precision, variant)


def _refuse_sizes(bundle: Bundle, request: EngineRequest) -> None:
    smallest = max(network.minimum_side for network in bundle.manifest.networks.values())
    least = request.sizes.minimum
    if min(least.width, least.height) < smallest:
        raise UsageError(f"the size {least} is too small: these networks take {smallest} pixels a side and up")
    most = request.sizes.maximum
    flow = bundle.manifest.networks.get("flow")
    if flow is not None and flow.largest_pixels is not None and most.pixels > flow.largest_pixels:
        raise UsageError(
            f"the size {most} is too large: this bundle's flow takes frames of up to {flow.largest_pixels:,} pixels. "
            f"Export the bundle again with --flow-largest {most}, or lower --size and --max-size"
        )


def _target(builder: Builder) -> str:
    if builder.gpu is not None:
        return str(builder.gpu)
    return " and ".join(f"sm_{capability.replace('.', '')}" for capability in builder.compute_capabilities)
