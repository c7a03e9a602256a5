"""An ONNX file as an engine: one path for TensorRT 10.13 to 11 and TensorRT-RTX, told apart by the features they have.

The types are those of the network (strongly typed): no builder flag changes a precision.
"""

import contextlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any

import onnx
from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed

from tsn.export.engines.progress import monitor
from tsn.export.engines.request import EngineRequest, Sizes
from tsn.export.engines.timing_cache import extend_cache, read_cache
from tsn.runtime.backends.driver import Gpu, probe_driver
from tsn.runtime.backends.trt_library import TITLES, TrtLibrary, open_library
from tsn.runtime.bundle.interfaces import AXIS_LENGTHS
from tsn.runtime.errors import BundleError, UnavailableError, UsageError
from tsn.runtime.report import Log

_LOOK = 0.1  # seconds between two looks at whether a build is done


@dataclass(frozen=True, kw_only=True, slots=True)
class Builder:
    """A library that can build here, and what for."""

    library: TrtLibrary
    gpu: Gpu | None  # the one that is built on; None where it is built for others, without one
    compute_capabilities: tuple[str, ...]
    request: EngineRequest


def open_builder(request: EngineRequest) -> Builder:
    """The library of `request`, where it can build what is asked for.

    Raises:
        UnavailableError: the library is missing, or it needs a GPU that is not here.
        UsageError: the library cannot build for these GPUs.
    """
    title = TITLES[request.library]
    if request.compute_capabilities and request.library == "tensorrt":
        raise UsageError(
            "TensorRT builds for the GPU that it runs on: leave --compute-capability out, or build with "
            "--library tensorrt-rtx"
        )
    library = open_library(request.library)
    if request.compute_capabilities:
        known = _capabilities(library)
        for capability in request.compute_capabilities:
            if capability not in known:
                raise UsageError(
                    f"{library.title} builds for {', '.join(known)}, not for {capability}. Leave it out of "
                    "--compute-capability; for that GPU build on it with --library tensorrt"
                )
        return Builder(library=library, gpu=None, compute_capabilities=request.compute_capabilities, request=request)
    try:
        gpu = probe_driver().gpus[0]
    except UnavailableError as error:
        other = " Or build for other machines: --library tensorrt-rtx --compute-capability 89,120"
        raise UnavailableError(f"{title} builds on the GPU that the engine is for, and {error}.{other}") from error
    if request.library == "tensorrt-rtx" and gpu.compute_capability not in _capabilities(library):
        raise UnavailableError(
            f"{library.title} builds for {', '.join(_capabilities(library))}, not for {gpu}. Use --library tensorrt"
        )
    return Builder(library=library, gpu=gpu, compute_capabilities=(gpu.compute_capability,), request=request)


def build_engine(
    file: Path,
    builder: Builder,
    sizes: Sizes,
    *,
    scale: Fraction = Fraction(1),
    log: Log = lambda line: None,
) -> bytes:
    """The plan of the network in an ONNX file, for frames of `sizes`; `log` gets a line for each phase.

    `scale` is that of a flow and its features: of the frames they see. The build runs in a thread of its own, so that
    Ctrl-C reaches Python: it then stops at the library's next step.

    Raises:
        BundleError: the library cannot read or build the network; the message holds its own error lines.
        UnavailableError: there is not enough GPU memory.
    """
    cancelled = Event()
    with ThreadPoolExecutor(1, thread_name_prefix="build") as pool:
        try:
            future = pool.submit(_build, file, builder, sizes, scale, log, cancelled)
            while not wait([future], _LOOK).done:  # on Windows Ctrl-C ends no wait that has no end
                continue
            return future.result()
        except BaseException:
            cancelled.set()  # leaving the pool waits for the library to come back
            raise


def _build(file: Path, builder: Builder, sizes: Sizes, scale: Fraction, log: Log, cancelled: Event) -> bytes:
    library, request, trt = builder.library, builder.request, builder.library.module
    library.take_errors()
    trt_builder = _made(trt.Builder(library.logger), library, "start its builder", file)
    network = trt_builder.create_network(_network_flags(trt))
    parser = trt.OnnxParser(network, library.logger)
    if not parser.parse(sized(onnx.load(file), sizes, scale).SerializeToString()):
        reasons = "; ".join(_parser_error(parser.get_error(index)) for index in range(parser.num_errors))
        library.take_errors()  # the same again, with the library's source lines
        raise BundleError(f"{library.title} cannot read {file.name}: {reasons or 'it gives no reason'}")
    config = trt_builder.create_builder_config()
    _configure(config, builder)
    if not sizes.static:
        _add_profile(trt_builder, config, sizes, scale, builder, file)
    progress = monitor(trt, log, cancelled)
    config.progress_monitor = progress
    with _timing_cache(config, builder):
        plan = trt_builder.build_serialized_network(network, config)
    if cancelled.is_set():
        raise BundleError(f"the build of {file.name} was cancelled")  # seen by nobody: the caller raises its own
    return bytes(_made(plan, library, "build", file, memory=request.workspace))


def sized(model: onnx.ModelProto, sizes: Sizes, scale: Fraction = Fraction(1)) -> onnx.ModelProto:
    """The model with its axes fixed, where `sizes` is one size: so the parser can fold what depends on them."""
    if sizes.static:
        for axis, length in AXIS_LENGTHS.items():
            make_dim_param_fixed(model.graph, axis, length(sizes.optimum, scale))
        del model.graph.value_info[:]  # shapes between, in terms of the axes that are gone
    return model


def _parser_error(error: Any) -> str:
    return f"{error.desc()} (node {error.node_name()} of type {error.node_operator()})"


def _network_flags(trt: Any) -> int:
    """Strong typing: a flag of TensorRT 10, the only way in 11, and of another value there."""
    member = trt.NetworkDefinitionCreationFlag.__members__.get("STRONGLY_TYPED")
    return 0 if member is None else 1 << int(member)


def _configure(config: Any, builder: Builder) -> None:
    trt, request = builder.library.module, builder.request
    if request.builder_level is not None:
        config.builder_optimization_level = request.builder_level
    if request.workspace is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, request.workspace)
    if "TF32" in trt.BuilderFlag.__members__:
        config.clear_flag(trt.BuilderFlag.TF32)  # on by default: FP32 convolutions would round to 10 bits
    if request.compute_capabilities:
        config.num_compute_capabilities = len(request.compute_capabilities)
        for index, capability in enumerate(request.compute_capabilities):
            config.set_compute_capability(trt.ComputeCapability.__members__[_member(capability)], index)


def _add_profile(trt_builder: Any, config: Any, sizes: Sizes, scale: Fraction, builder: Builder, file: Path) -> None:
    profile = trt_builder.create_optimization_profile()
    model = onnx.load(file, load_external_data=False)
    for value in model.graph.input:
        axes = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        if any(isinstance(axis, str) for axis in axes):
            shapes = [
                tuple(AXIS_LENGTHS[axis](size, scale) if isinstance(axis, str) else axis for axis in axes)
                for size in (sizes.minimum, sizes.optimum, sizes.maximum)
            ]
            profile.set_shape(value.name, *shapes)
    if config.add_optimization_profile(profile) < 0:
        _made(None, builder.library, f"take the sizes {sizes} for", file)


def _made(result: Any, library: TrtLibrary, action: str, file: Path, *, memory: int | None = None) -> Any:
    """`result`, or where the library gave None its own error lines as an error."""
    reasons = library.take_errors()
    if result is not None:
        return result
    if "memory" in reasons.lower() and any(
        word in reasons.lower() for word in ("out of", "insufficient", "outofmemory")
    ):
        limit = "" if memory is None else f" (it is {memory / 2**30:g} GiB)"
        raise UnavailableError(
            f"there is not enough GPU memory to build {file.name}: {reasons}. Close other programs on the GPU, lower "
            f"--workspace{limit}, or build for smaller frames with --size"
        )
    raise BundleError(f"{library.title} cannot {action} {file.name}: {reasons or 'it gives no reason'}")


def _capabilities(library: TrtLibrary) -> list[str]:
    """The compute capabilities that the library can build for without such a GPU."""
    members = getattr(library.module, "ComputeCapability", None)
    if members is None:
        return []
    digits = [name.removeprefix("SM") for name in members.__members__ if name.startswith("SM")]
    return [f"{number[:-1]}.{number[-1]}" for number in digits]


def _member(capability: str) -> str:
    return f"SM{capability.replace('.', '')}"


@contextlib.contextmanager
def _timing_cache(config: Any, builder: Builder) -> Generator[None]:
    """TensorRT's timings of kernels, from the last build to this one and on. TensorRT-RTX times nothing here."""
    request, gpu = builder.request, builder.gpu
    if request.library != "tensorrt" or gpu is None or not request.use_timing_cache:
        yield
        return
    kept = config.create_timing_cache(read_cache(request.timing_cache, builder.library, gpu))
    if kept is None or not config.set_timing_cache(kept, ignore_mismatch=False):  # a foreign file: begin anew
        builder.library.take_errors()
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    yield
    extend_cache(lambda others: merged(config, others), request.timing_cache, builder.library, gpu)


def merged(config: Any, others: bytes) -> bytes:
    """The timings of the build that `config` was used for, and what of `others`, kept since it began, they lack."""
    timings = config.get_timing_cache()
    kept = config.create_timing_cache(others) if others else None
    if kept is not None:
        timings.combine(kept, ignore_mismatch=False)  # refuses what another version made: that is overwritten
    return bytes(timings.serialize())
