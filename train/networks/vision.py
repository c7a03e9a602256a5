"""The one place that imports torchvision: `from tsn.train.networks.vision import torchvision`.

A CPU build of torch beside PyPI's torchvision, which is built for CUDA, fails on import with "operator
torchvision::nms does not exist": its C++ library is not loaded, and its Python code describes operators of it. Those
operators are for object detection; with their signatures declared, models and transforms work.
"""

import sys
from importlib import import_module

import torch

_SIGNATURES = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # declarations last as long as their library object


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "FRAGMENT")
    for signature in _SIGNATURES:
        library.define(signature)
    _declared.append(library)


try:
    import_module("torchvision")
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    for half_imported in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[half_imported]
    _declare_operators()

import torchvision  # noqa: E402  (only now can it be imported)

__all__ = ["torchvision"]
