"""The learning rate: a function of the step alone, so that a resumed run needs no state of it."""

import math

from tsn.train.config import Config

LAST = 0.01  # of the configured rate: where a cosine ends


def learning_rate(config: Config, step: int, *, steps: int) -> float:
    """The rate of step number `step` of `steps`: a linear rise, then constant, or half a cosine (arXiv:1608.03983)."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(steps - config.warmup_steps, 1)
    return config.learning_rate * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
