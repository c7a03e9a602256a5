"""Content and style losses of a styled frame, by VGG-19."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tsn.train.losses import content_loss, gram, style_loss


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameLosses:
    """The losses of a styled frame, and its features: the next frame's are compared with them."""

    content: float  # mean squared difference of relu4_1 to that of the content
    style: float | None  # Gram matrices of relu1_1 to relu4_1, divided by H x W, against the style picture's
    features: Tensor  # relu4_1, (1, C, h, w)


class Judge:
    """VGG-19 up to relu4_1.

    Args:
        style: the picture (1, 3, H, W) in 0..1 to measure the style loss against; None: there is no style loss.
    """

    def __init__(self, encoder: nn.Module, style: Tensor | None) -> None:
        self._encoder: Any = encoder
        with torch.inference_mode():
            layers = None if style is None else self._encoder.features(style)
        self._grams = None if layers is None else [gram(layer) for layer in layers]

    @torch.inference_mode()
    def content(self, frame: Tensor) -> Tensor:
        """Return relu4_1 of a content frame (1, 3, H, W) in 0..1."""
        return self._encoder.features(frame)[-1]

    @torch.inference_mode()
    def styled(self, frame: Tensor, content: Tensor) -> FrameLosses:
        """Return the losses of a styled frame, given relu4_1 of its content."""
        layers = self._encoder.features(frame)
        style = None if self._grams is None else float(style_loss(layers, self._grams, kind="gram"))
        return FrameLosses(content=float(content_loss(layers[-1], content)), style=style, features=layers[-1])
