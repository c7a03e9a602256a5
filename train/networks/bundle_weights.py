"""The weights of a bundle, to train on with: its ONNX holds them under the names that they have in training."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tsn.runtime.bundle.folder import open_bundle, shipped_bundles
from tsn.runtime.bundle.manifest import MANIFEST
from tsn.runtime.errors import InputError, UnavailableError


def is_bundle(place: Path) -> bool:
    """Whether `place` is a bundle's folder, or the name of one that comes with this package."""
    return (place / MANIFEST).is_file() or (not place.exists() and str(place) in shipped_bundles())


def read_bundle_weights(place: Path, *, architecture: str) -> dict[str, Any]:
    """Return what a checkpoint would hold of the networks in a bundle.

    Not for every architecture: where the export folds a weight into another, as it does in lite, load_networks_into
    then says which one is missing.

    Raises:
        BundleError: the bundle is damaged.
        InputError: it is of another architecture.
        UnavailableError: onnx is not installed.
    """
    bundle = open_bundle(place)
    if bundle.manifest.architecture != architecture:
        raise InputError(
            f"the bundle {place} holds networks of the architecture '{bundle.manifest.architecture}', this run trains "
            f"'{architecture}'. Add --architecture {bundle.manifest.architecture}, or give another bundle"
        )
    try:
        import onnx  # here: few need it
        from onnx import numpy_helper
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "to begin with a bundle onnx is needed. Run: pip install 'temporalstylenet[export]'"
        ) from error
    graph = onnx.load(str(bundle.network("stylize"))).graph
    model: dict[str, dict[str, Tensor]] = {"encoder": {}, "decoder": {}}
    for weight in graph.initializer:
        half, _, name = weight.name.partition(".")
        if half in model:
            model[half][name] = torch.from_numpy(numpy_helper.to_array(weight).copy())
    return {"architecture": architecture, "model": model}
