"""One export, from the files that the command line names to the bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tsn.export.bundle_writer import Log, write_bundle
from tsn.export.engines.job import add_engines
from tsn.export.engines.request import EngineRequest
from tsn.export.engines.tensorrt import open_builder
from tsn.export.engines.torch_tensorrt import open_torch_tensorrt
from tsn.export.networks.exportable import Exportable
from tsn.export.networks.held import FlowRequest, anchor_networks, blend_network, flow_networks
from tsn.export.networks.nv12 import nv12_networks
from tsn.export.networks.stylize import style_network, stylize_network
from tsn.runtime.bundle.manifest import Manifest, ReducedPrecision
from tsn.runtime.errors import UsageError
from tsn.runtime.files import refuse_unwritable
from tsn.runtime.pictures.reader import read_picture, refuse_small
from tsn.train.networks.weights import Networks, load_checkpoint, load_networks

PARITY_SIDE = 256  # pixels of the shorter side of a picture that networks are compared on: large enough, and quick
PARITY_STYLES = 2  # how many of the styles' pictures networks are compared on


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to export, and where to."""

    checkpoint: Path | None = None  # of tsn-train; or
    encoder: Path | None = None  # without one torchvision's VGG-19 is downloaded, and
    decoder: Path | None = None
    styles: Mapping[str, Path]  # pictures to store as named styles
    style_size: int  # pixels: what their shorter side is shrunk to
    parity_frames: tuple[Path, ...] = ()  # pictures to compare the networks on, besides drawn frames and two styles
    flow: FlowRequest | None = None  # a bundle without one computes flow with OpenCV
    output: Path  # the bundle's folder
    precisions: tuple[ReducedPrecision, ...] = ()  # to write the networks in, beside FP32
    engines: EngineRequest | None = None  # to build from them
    name: str | None = None  # of the bundle; the folder's where None
    overwrite: bool = False


def export_bundle(request: Request, *, log: Log = lambda line: None) -> Manifest:
    """Write the bundle that `request` asks for and give its manifest; `log` is called with a line for each step.

    Raises:
        InputError: weights or a picture cannot be used.
        UnavailableError: VGG-19 cannot be downloaded, or the engines cannot be built here.
        OutputError: the folder is there already or cannot be written.
        AccuracyError: a network as exported is too far from PyTorch.
    """
    refuse_unwritable(request.output, overwrite=request.overwrite)
    engines = request.engines
    if engines is not None:
        open_builder(engines)  # refuses at once what could not be built after minutes of exporting
        if engines.via == "torch-tensorrt":
            open_torch_tensorrt()
    styles = {name: read_picture(path, shorter_side=request.style_size) for name, path in request.styles.items()}
    real = [*list(request.styles.values())[:PARITY_STYLES], *request.parity_frames]
    pictures = [read_picture(path, shorter_side=PARITY_SIDE) for path in real]
    frames = [picture[np.newaxis] for picture in pictures]
    log("reading the weights")
    networks = _networks(request)
    minimum = networks.architecture.minimum_side
    for name, path in request.styles.items():
        refuse_small(styles[name], path, minimum_side=minimum)
    for path, frame in zip(real, frames, strict=True):
        refuse_small(frame[0], path, minimum_side=minimum)
    stylizer = stylize_network(networks, frames)
    exportables: list[Exportable] = [
        style_network(networks, frames),
        stylizer,
        *anchor_networks(),
        blend_network(),
        *nv12_networks(),
    ]
    if request.flow is not None:
        exportables += flow_networks(request.flow, frames)
    return write_bundle(
        request.output,
        networks,
        exportables,
        name=request.name or request.output.resolve().name,
        styles=styles,
        precisions=request.precisions,
        overwrite=request.overwrite,
        finish=None
        if engines is None
        else partial(add_engines, request=engines, stylizer=stylizer, pictures=pictures, log=log),
        log=log,
    )


def _networks(request: Request) -> Networks:
    if request.checkpoint is not None:
        return load_checkpoint(request.checkpoint)
    if request.decoder is not None:
        return load_networks(request.encoder, request.decoder)
    raise UsageError("there is nothing to export: neither a checkpoint nor a decoder is given")
