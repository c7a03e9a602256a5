"""A bundle from networks: each exported, compared with PyTorch, described in the manifest. Whole or not at all."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import nn

from tsn.export.networks.exportable import Exportable
from tsn.export.networks.graphs import StyleGraph
from tsn.export.onnx.file import described, opset_of, write_onnx
from tsn.export.onnx.multiply_adds import multiply_adds_a_pixel
from tsn.export.onnx.parity import measure
from tsn.export.onnx.precision import measure_reduced, reduced
from tsn.runtime.bundle.folder import sha256
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Manifest, Network, ReducedPrecision, Style, Variant
from tsn.runtime.errors import AccuracyError, OutputError
from tsn.runtime.files import whole_folder
from tsn.runtime.report import Log
from tsn.train.networks.weights import Networks


@contextmanager
def new_bundle(folder: Path, *, overwrite: bool = False) -> Generator[Path]:
    """Give a folder that becomes the bundle at `folder` when the block succeeds, and not before.

    Raises OutputError where `folder` is there already and not to be replaced, or where it cannot be written.
    """
    try:
        with whole_folder(folder, marker=MANIFEST, overwrite=overwrite) as unfinished:
            yield unfinished
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error


def write_bundle(
    folder: Path,
    networks: Networks,
    exportables: Sequence[Exportable],
    *,
    name: str,
    styles: Mapping[str, NDArray[np.uint8]],
    style_encoder: nn.Module | None = None,
    precisions: Sequence[ReducedPrecision] = (),
    log: Log = lambda line: None,
) -> Manifest:
    """Export `exportables` into a folder and return the manifest that is written beside them.

    Args:
        folder: an empty one, as new_bundle gives it.
        networks: what the exportables were made from.
        exportables: the networks to write.
        name: of the bundle, for people.
        styles: pictures uint8 (height, width, 3) by the name of the style.
        style_encoder: what encodes them; the networks' own where None.
        precisions: in which a network is written as well, beside FP32, where it has parts that may be reduced.
        log: called with a line for people at each step.

    Raises AccuracyError where a network is too far from PyTorch.
    """
    written: dict[NetworkName, Network] = {}
    for exportable in exportables:
        network = exported(exportable, folder / f"{exportable.name}.onnx", log)
        reducible = precisions if exportable.reducible_parts else ()
        variants = {precision: _variant(exportable, precision, folder, log) for precision in reducible}
        written[exportable.name] = network.model_copy(update={"variants": variants})
    encoded: dict[str, Style] = {}
    for style, picture in styles.items():
        log(f"style {style}: encoding {picture.shape[1]}x{picture.shape[0]}")
        encoded[style] = encoded_style(style_encoder or networks.encoder, picture)
    manifest = Manifest(
        name=name,
        made_by=f"temporalstylenet {version('temporalstylenet')}",
        architecture=networks.architecture.name,
        channels=networks.architecture.channels,
        sources=networks.sources,
        networks=written,
        styles=encoded,
    )
    (folder / MANIFEST).write_text(manifest.document(), encoding="utf-8")
    return manifest


def encoded_style(encoder: nn.Module, picture: NDArray[np.uint8]) -> Style:
    """The style of a picture, uint8 (height, width, 3). Raises AccuracyError where no trained network gives it."""
    with torch.inference_mode():
        mean, std = StyleGraph(encoder)(torch.from_numpy(np.array(picture))[None])
    try:
        return Style(mean=tuple(mean.tolist()), std=tuple(std.tolist()))
    except ValidationError as error:
        raise AccuracyError(
            f"the encoder gives features of mean {mean.abs().max():.3g} and deviation {std.max():.3g}, far beyond "
            "those of a trained one. The weights may be damaged; nothing was written"
        ) from error


def exported(exportable: Exportable, path: Path, log: Log) -> Network:
    """Write a network to `path` and return what the manifest says of it. Raises AccuracyError."""
    log(f"{exportable.name}: exporting")
    write_onnx(exportable, path)
    log(f"{exportable.name}: comparing with PyTorch on {len(exportable.cases)} frames")
    model = onnx.load(path)
    return Network(
        file=path.name,
        sha256=sha256(path),
        opset=opset_of(model),
        inputs=described({value.name: value for value in model.graph.input}),
        outputs=described({value.name: value for value in model.graph.output}),
        minimum_side=exportable.minimum_side,
        largest_pixels=exportable.largest_pixels,
        multiply_adds=multiply_adds_a_pixel(path),
        updates=exportable.updates,
        scale=exportable.scale,
        accuracy=measure(exportable, path),
    )


def _variant(exportable: Exportable, precision: ReducedPrecision, folder: Path, log: Log) -> Variant:
    log(f"{exportable.name} in {precision}: exporting")
    path = folder / f"{exportable.name}.{precision}.onnx"
    write_onnx(reduced(exportable, precision), path)
    log(f"{exportable.name} in {precision}: comparing with FP32 PyTorch on {len(exportable.cases)} frames")
    return Variant(
        file=path.name,
        sha256=sha256(path),
        opset=opset_of(onnx.load(path)),
        accuracy=measure_reduced(exportable, precision, path),
    )
