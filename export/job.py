"""One export, from the files that the command line names to the bundle."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import nn

from tsn.export.bundle_writer import new_bundle, write_bundle
from tsn.export.engines.job import add_engines, refuse_unbuildable
from tsn.export.engines.request import EngineRequest
from tsn.export.networks.bundle import bundle_networks
from tsn.export.networks.held import FlowRequest
from tsn.runtime.bundle.manifest import Manifest, ReducedPrecision
from tsn.runtime.errors import UsageError
from tsn.runtime.files import refuse_unwritable
from tsn.runtime.pictures.reader import read_picture, refuse_small
from tsn.runtime.report import Log
from tsn.train.networks.adain import Encoder as Vgg
from tsn.train.networks.weights import Networks, load_checkpoint, load_encoder, load_networks

PARITY_SIDE = 256  # pixels of the shorter side of a picture that networks are compared on: large enough, and quick
PARITY_STYLES = 2  # how many of the styles' pictures networks are compared on


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRequest:
    """What to export, and where to."""

    checkpoint: Path | None = None  # of tsn-train; or
    encoder: Path | None = None  # without one torchvision's VGG-19 is downloaded, and
    decoder: Path | None = None
    styles: Mapping[str, Path]  # pictures to store as named styles
    style_size: int  # pixels: what their shorter side is shrunk to
    style_encoder: Path | None = None  # VGG-19, for networks that take its statistics; their own encoder where None
    parity_frames: tuple[Path, ...] = ()  # pictures to compare the networks on, besides drawn frames and two styles
    flow: FlowRequest | None = None  # a bundle without one computes flow with OpenCV
    output: Path  # the bundle's folder
    precisions: tuple[ReducedPrecision, ...] = ()  # to write the networks in, beside FP32
    engines: EngineRequest | None = None  # to build from them
    name: str | None = None  # of the bundle; the folder's where None
    overwrite: bool = False


def export_bundle(request: ExportRequest, *, log: Log = lambda line: None) -> Manifest:
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
        refuse_unbuildable(engines)  # at once, not after minutes of exporting
    styles = {name: read_picture(path, shorter_side=request.style_size) for name, path in request.styles.items()}
    real = [*list(request.styles.values())[:PARITY_STYLES], *request.parity_frames]
    pictures = [read_picture(path, shorter_side=PARITY_SIDE) for path in real]
    log("reading the weights")
    networks = _networks(request)
    for path, picture in (
        *zip(request.styles.values(), styles.values(), strict=True),
        *zip(real, pictures, strict=True),
    ):
        refuse_small(picture, path, minimum_side=networks.architecture.minimum_side)
    exportables = bundle_networks(networks, [picture[np.newaxis] for picture in pictures], flow=request.flow)
    with new_bundle(request.output, overwrite=request.overwrite) as folder:
        manifest = write_bundle(
            folder,
            networks,
            exportables,
            name=request.name or request.output.resolve().name,
            styles=styles,
            style_encoder=_style_encoder(request.style_encoder, networks),
            precisions=request.precisions,
            log=log,
        )
        if engines is not None:
            stylizer = next(exportable for exportable in exportables if exportable.name == "stylize")
            manifest = add_engines(folder, engines, stylizer=stylizer, pictures=pictures, log=log)
    return manifest


def _style_encoder(weights: Path | None, networks: Networks) -> nn.Module | None:
    if weights is None:
        return None
    if not networks.architecture.like_vgg:
        raise UsageError(
            f"--style-encoder is VGG-19, whose statistics networks of the architecture '{networks.architecture.name}' "
            "do not take. Leave it out"
        )
    encoder = load_encoder(weights)
    if not isinstance(encoder, Vgg):
        raise UsageError(f"--style-encoder {weights} is no VGG-19. Leave it out, or give one")
    return encoder


def _networks(request: ExportRequest) -> Networks:
    if request.checkpoint is not None:
        return load_checkpoint(request.checkpoint)
    if request.decoder is not None:
        return load_networks(request.encoder, request.decoder)
    raise UsageError("there is nothing to export: neither a checkpoint nor a decoder is given")
