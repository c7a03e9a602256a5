"""One step of training: pictures in, losses out. DistributedDataParallel wraps the module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tsn.train import losses
from tsn.train.config import Config
from tsn.train.data.motion import Pairs
from tsn.train.networks.adain import Encoder as Vgg
from tsn.train.networks.adain import adain, statistics
from tsn.train.networks.architectures import ARCHITECTURES
from tsn.train.warping import warp

AMP = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, kw_only=True)
class Styles:
    """Style crops and the statistics of them that the losses compare with, measured once."""

    images: Tensor  # (B, 3, T, T) in 0..1
    targets: Sequence[Tensor]  # for each layer: see losses.StyleTargets
    colours: Tensor  # (B, 2, 3): mean and deviation of R, G and B
    mean: Tensor  # (B, 512, 1, 1) of relu4_1
    std: Tensor

    def take(self, picks: Tensor) -> "Styles":
        """Return the styles of these numbers."""
        return Styles(
            images=self.images[picks],
            targets=[target[picks] for target in self.targets],
            colours=self.colours[picks],
            mean=self.mean[picks],
            std=self.std[picks],
        )


class Objective(nn.Module):
    """An encoder and a decoder, the frozen VGG-19 that judges them, and their losses."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, vgg: Vgg, config: Config) -> None:
        super().__init__()
        self.config = config
        self.vgg = vgg.requires_grad_(False)
        self.encoder = encoder
        self.decoder = decoder
        self.shared = encoder is vgg  # the encoder of adain-vgg19 is the judge: its features serve both
        self.like_vgg = ARCHITECTURES[config.architecture].like_vgg
        if config.freeze_encoder:
            encoder.requires_grad_(False)

    def forward(
        self, content: Tensor, styles: Styles, motion: Tensor, pairs: Pairs | None = None
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Return the losses by name, not yet weighted, and the outputs (B, 3, S, S).

        Args:
            content: (B / K, 3, S, S) in 0..1; each serves K styles.
            motion: (B / K, 4): see losses.motion_grid.
            pairs: B / K pairs of frames; each takes the styles of the content at its place.
        """
        if self.config.objective == "recolour":
            return self._recolour(content, styles)
        return self._stylize(content, styles, motion, pairs)

    def _stylize(
        self, content: Tensor, styles: Styles, motion: Tensor, pairs: Pairs | None
    ) -> tuple[dict[str, Tensor], Tensor]:
        config, copies = self.config, len(styles.images) // len(content)
        with torch.no_grad(), self._amp(judging=True):
            content_features = self.vgg(content).repeat_interleave(copies, dim=0)  # (B, 512, S / 8, S / 8)
        with self._amp():
            mean, std = (styles.mean, styles.std) if self.like_vgg else statistics(self.encoder(styles.images))
        encoded = content_features if self.shared else self._encode(content).repeat_interleave(copies, dim=0)
        outputs = self._decode(encoded, mean, std, like=content)
        with self._amp(judging=True):
            features = self._features(outputs)
        target = content_features
        if config.content_target == "adain":
            target = adain(content_features.float(), styles.mean, styles.std)
        found = {
            "content": losses.content_loss(features[-1], target, balanced=config.balanced),
            "style": losses.style_loss(features, styles.targets, kind=config.style_loss, balanced=config.balanced),
        }
        if config.colour_weight:
            found["colour"] = losses.colour_loss(outputs, styles.colours)
        if config.grid_weight:
            found["grid"] = losses.grid_loss(outputs)
        if config.tv_weight:
            found["tv"] = losses.variation_loss(outputs)
        if config.pixel_weight:
            found["pixel"] = self._pixel_loss(outputs, content, styles)
        if config.temporal_weight:
            grid = losses.motion_grid(motion, height=content.shape[2], width=content.shape[3])
            grained = losses.move(content, grid) + torch.randn_like(content) * (config.noise / 255)
            encoded = self._encode(grained).repeat_interleave(copies, dim=0)
            grid = grid.repeat_interleave(copies, dim=0)
            moved = self._decode(encoded, mean, std, like=content)
            found["temporal"] = losses.temporal_loss(losses.move(outputs, grid), moved, losses.inside(grid))
        if pairs is not None:
            encoded = self._encode(torch.cat([pairs.earlier, pairs.later])).repeat_interleave(copies, dim=0)
            frames = self._decode(encoded, torch.cat([mean, mean]), torch.cat([std, std]), like=content)
            earlier, later = frames.chunk(2)
            flow, seen = (part.repeat_interleave(copies, dim=0) for part in (pairs.flow, pairs.seen))
            found["temporal_clips"] = losses.temporal_loss(warp(earlier, flow), later, seen)
        return found, outputs

    def _recolour(self, content: Tensor, styles: Styles) -> tuple[dict[str, Tensor], Tensor]:
        """Ask for the photo in the style's colours: a network learns that without the judge, several times as fast."""
        copies = len(styles.images) // len(content)
        with self._amp():
            mean, std = statistics(self.encoder(styles.images))
        encoded = self._encode(content).repeat_interleave(copies, dim=0)
        outputs = self._decode(encoded, mean, std, like=content)
        return {"pixel": self._pixel_loss(outputs, content, styles)}, outputs

    def _pixel_loss(self, outputs: Tensor, content: Tensor, styles: Styles) -> Tensor:
        content = content.repeat_interleave(len(outputs) // len(content), dim=0)
        return functional.l1_loss(outputs, losses.recoloured(content, styles.images))

    def _encode(self, images: Tensor) -> Tensor:
        with self._amp():
            return self._run(self.encoder, images)

    def _decode(self, features: Tensor, mean: Tensor, std: Tensor, *, like: Tensor) -> Tensor:
        with self._amp():
            outputs = self._run(self.decoder, adain(features, mean, std), mean, std)
        return outputs[..., : like.shape[2], : like.shape[3]].float()

    def _features(self, images: Tensor) -> list[Tensor]:
        found: list[Tensor] = []
        for stage in self.vgg.stages:
            images = self._run(stage, images)
            found.append(images)
        return found

    def _run(self, module: nn.Module, *inputs: Tensor) -> Tensor:
        if self.config.gradient_checkpointing:
            return cast(Tensor, checkpoint(module, *inputs, use_reentrant=False))
        return module(*inputs)

    def _amp(self, *, judging: bool = False) -> torch.autocast:
        config = self.config
        device = next(self.decoder.parameters()).device.type
        enabled = config.use_amp and (judging or config.amp_scope == "all")
        return torch.autocast(device, dtype=AMP[config.amp_dtype], enabled=enabled)


@torch.no_grad()
def measured(vgg: Vgg, images: Tensor, config: Config) -> Styles:
    """Measure style crops (B, 3, T, T) in 0..1, with VGG-19 where the objective asks it."""
    if config.objective == "recolour":
        return Styles(images=images, targets=[], colours=losses.mean_std(images), mean=images[:0], std=images[:0])
    with torch.autocast(images.device.type, dtype=AMP[config.amp_dtype], enabled=config.use_amp):
        features = vgg.features(images)
    mean, std = statistics(features[-1])
    return Styles(
        images=images,
        targets=losses.style_targets(features, kind=config.style_loss),
        colours=losses.mean_std(images),
        mean=mean,
        std=std,
    )


def weights(config: Config) -> dict[str, float]:
    """Return the weight of each loss in the total."""
    return {
        "content": config.content_weight,
        "style": config.style_weight,
        "colour": config.colour_weight,
        "grid": config.grid_weight,
        "tv": config.tv_weight,
        "temporal": config.temporal_weight,
        "temporal_clips": config.temporal_weight,
        "pixel": 1.0 if config.objective == "recolour" else config.pixel_weight,
    }
