"""The studio encoder trained to give VGG-19's relu4_1: a tenth of the cost of steps that VGG-19 judges."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsn.train.networks.adain import restated, statistics

EVERY = 50  # steps between two lines and two saved states
CLIP = 5.0  # largest norm of the gradient


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long to train, and how fast."""

    steps: int
    batch: int = 12  # crops
    learning_rate: float = 2e-3
    warmup: int = 30  # steps
    seed: int = 0


@torch.no_grad()
def remembered(vgg: nn.Module, crops: Tensor, *, batch: int = 20) -> Tensor:
    """Return VGG-19's relu4_1 in bfloat16 of crops uint8 (N, 3, S, S): it is needed many times."""
    with torch.autocast(crops.device.type, torch.bfloat16):
        parts = [vgg(_images(part)).bfloat16() for part in crops.split(batch)]
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


class Distillation:
    """An encoder in training, which can be saved and gone on with: a step depends on the seed and its number alone."""

    def __init__(self, encoder: nn.Module, crops: Tensor, wanted: Tensor, plan: Plan) -> None:
        self.encoder = encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops = crops  # uint8 (N, 3, S, S)
        self.wanted = wanted  # (N, 512, S / 8, S / 8)
        self.plan = plan
        self.optimizer = torch.optim.Adam(encoder.parameters(), lr=plan.learning_rate, betas=(0.9, 0.99))
        self.done = 0

    def run(self, *, say: Callable[[str], None], save: Callable[[], None]) -> None:
        """Take the steps that are left; call `save` now and then, and at the end."""
        total = 0.0
        while self.done < self.plan.steps:
            total += self._step()
            if self.done % EVERY == 0 or self.done == self.plan.steps:
                say(f"encoder, step {self.done}/{self.plan.steps}: loss {total / ((self.done - 1) % EVERY + 1):.3f}")
                total = 0.0
                save()

    def _step(self) -> float:
        plan = self.plan
        random = np.random.default_rng((plan.seed, self.done))
        picks = torch.from_numpy(random.integers(len(self.crops), size=plan.batch))
        others = torch.from_numpy(random.permutation(plan.batch))
        rate = plan.learning_rate * 0.5 * (1 + math.cos(math.pi * self.done / plan.steps))
        for group in self.optimizer.param_groups:
            group["lr"] = rate * min(1.0, (self.done + 1) / plan.warmup)
        with torch.autocast(self.crops.device.type, torch.bfloat16):
            found = self.encoder(_images(self.crops[picks]))
        loss = distance(found.float(), self.wanted[picks].float(), others)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.encoder.parameters(), CLIP)
        self.optimizer.step()
        self.done += 1
        return float(loss.detach())


def distance(found: Tensor, wanted: Tensor, others: Tensor) -> Tensor:
    """Return how far features (N, C, h, w) are from the wanted: as they are, after AdaIN, and in their statistics.

    AdaIN gives crop n the statistics of the wanted crop others[n].
    """
    own, target = statistics(found), statistics(wanted)
    style = target[0][others], target[1][others]
    plain = functional.mse_loss(found, wanted)
    styled = functional.mse_loss(restated(found, own, style), restated(wanted, target, style))
    known = functional.mse_loss(own[0], target[0]) + functional.mse_loss(own[1], target[1])
    return plain + 0.5 * styled + 0.5 * known


def _images(crops: Tensor) -> Tensor:
    return (crops.float() / 255).to(memory_format=torch.channels_last)
