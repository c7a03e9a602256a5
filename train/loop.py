"""Training on one page: the parts of a run, and one step after another."""

import math
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tsn.runtime.errors import AccuracyError, Terminated, UnavailableError, first_line
from tsn.train.checkpoint import FOLDER, drop_old, save_checkpoint
from tsn.train.config import Config
from tsn.train.data.motion import Pairs, pairs_with_flow
from tsn.train.data.pictures import Batch, Numbers, as_images
from tsn.train.distributed import World
from tsn.train.objective import Objective, Styles, measured, weights
from tsn.train.report import TrainingLog

LAST = 0.01  # of the configured learning rate: where a cosine ends


@dataclass(kw_only=True)
class Run:
    """A run and where it stands."""

    config: Config
    folder: Path
    world: World
    objective: Objective
    loader: Iterable[Batch]
    numbers: Numbers
    pool: Styles | None  # styles drawn once and for all
    raft: nn.Module | None  # finds the motion in clips
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    report: TrainingLog
    step: int = 0
    saved: Path | None = None
    stop: list[int] = field(default_factory=list)  # the signals that arrived

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return total_steps(self.config, self.numbers)


def total_steps(config: Config, numbers: Numbers) -> int:
    """Return the steps of a run: those of its epochs, or max_steps if these are fewer."""
    steps = config.epochs * numbers.steps_per_epoch
    return min(steps, config.max_steps) if config.max_steps else steps


def train(run: Run) -> None:
    """Train until the last step, or until a signal comes; leave a checkpoint there.

    Raises:
        AccuracyError: a loss or a gradient is no longer a number.
        UnavailableError: a process that reads pictures died.
        Terminated, KeyboardInterrupt: after saving, when SIGTERM or Ctrl-C came.
    """
    config, world = run.config, run.world
    trained = world.wrapped(run.objective)
    if config.compile:
        trained = torch.compile(trained)
    parameters = [parameter for parameter in run.objective.parameters() if parameter.requires_grad]
    weight = weights(config)
    if run.step >= run.steps:
        run.report.say(f"all {run.steps} steps are done already. For more, raise --max-steps or --epochs")
    with _signals_noted(run.stop):
        for batch in _batches(run):
            content = _placed(as_images(batch.content, world.device), config)
            styles = _styles(run, batch)
            found, outputs = trained(content, styles, batch.motion.to(world.device), _pairs(run, batch))
            total = torch.stack([weight[name] * value for name, value in found.items()]).sum()

            rate = learning_rate(config, run.step, steps=run.steps)
            for group in run.optimizer.param_groups:
                group["lr"] = rate
            run.optimizer.zero_grad(set_to_none=True)
            run.scaler.scale(total).backward()
            run.scaler.unscale_(run.optimizer)
            norm = nn.utils.clip_grad_norm_(parameters, config.grad_clip or math.inf)
            values, stopping = _agreed(run, {"total": total, **found})
            _refuse_nonsense(run, values["total"], norm)
            run.scaler.step(run.optimizer)
            run.scaler.update()
            run.step += 1

            run.report.step(run.step, values, rate=rate, norm=norm, unreadable=batch.unreadable)
            if run.step % config.sample_interval == 0 or run.step == run.steps:
                run.report.sample(run.step, content, styles.images, outputs.detach())
            if run.step % config.save_interval == 0 or run.step == run.steps or stopping:
                save(run)
            if stopping:
                run.report.say(f"stopped at step {run.step}; go on with --resume")
                raise KeyboardInterrupt if signal.SIGINT in run.stop else Terminated


def save(run: Run) -> None:
    """Write the checkpoint of this step, from the first process, and drop the oldest.

    The first process also names the files that the others could not read.
    """
    run.report.name_unreadable(sorted(run.world.together(run.report.unreadable)))
    if run.world.leads:
        path = run.folder / FOLDER / f"step_{run.step:08d}.pth"
        save_checkpoint(path, state(run))
        drop_old(path.parent, keep=run.config.keep_checkpoints)
        run.saved = path
    run.world.wait()


def state(run: Run) -> dict[str, Any]:
    """Return everything from which the run can go on bit for bit."""
    objective = run.objective
    return {
        "architecture": run.config.architecture,
        "model": {"encoder": objective.encoder.state_dict(), "decoder": objective.decoder.state_dict()},
        "optimizer": run.optimizer.state_dict(),
        "scaler": run.scaler.state_dict(),
        "epoch": run.step // run.numbers.steps_per_epoch,
        "step": run.step,
        "random": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        },
        "config": run.config.model_dump(),
    }


def _batches(run: Run) -> Iterator[Batch]:
    """Yield the batches from the run's step to its last."""
    run.numbers.first_step = run.step
    if run.step >= run.steps:
        return
    try:
        for batch in run.loader:
            yield batch
            if run.step >= run.steps:
                return
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UnavailableError(
            f"a process that reads pictures died at step {run.step} ({first_line(error)}); often there is too "
            "little shared memory. Go on with: --resume --num-workers 0"
        ) from error


def _styles(run: Run, batch: Batch) -> Styles:
    if run.pool is not None:
        return run.pool.take(batch.picks.to(run.world.device))
    assert batch.styles is not None
    images = _placed(as_images(batch.styles, run.world.device), run.config)
    return measured(run.objective.vgg, images, run.config)


def _pairs(run: Run, batch: Batch) -> Pairs | None:
    if batch.pairs is None or run.raft is None:
        return None
    return pairs_with_flow(run.raft, as_images(batch.pairs, run.world.device))


def _placed(images: Tensor, config: Config) -> Tensor:
    return images.to(memory_format=torch.channels_last) if config.channels_last else images


def _agreed(run: Run, losses: dict[str, Tensor]) -> tuple[dict[str, float], bool]:
    """Return the means of the losses over all processes, and whether one was asked to stop: then all stop here."""
    asked = torch.tensor(float(bool(run.stop)), device=run.world.device)
    own = torch.stack([*(loss.detach().float() for loss in losses.values()), asked])
    *values, stop = run.world.mean(own).tolist()
    return dict(zip(losses, values, strict=True)), stop > 0


def _refuse_nonsense(run: Run, total: float, norm: Tensor) -> None:
    # A scaler meets infinite gradients while it looks for its scale, and leaves such steps out by itself.
    if math.isfinite(total) and (run.scaler.is_enabled() or bool(norm.isfinite())):
        return
    what = f"the loss is {total}" if not math.isfinite(total) else f"the gradient's norm is {float(norm)}"
    kept = f"The last good checkpoint is {run.saved}" if run.saved else "There is no checkpoint yet"
    raise AccuracyError(
        f"at step {run.step + 1} {what}. {kept}. Go on from there with a lower --learning-rate, --grad-clip 1, or "
        "--amp-dtype bf16"
    )


@contextmanager
def _signals_noted(stop: list[int]) -> Iterator[None]:
    """Note SIGTERM and Ctrl-C, so that the step at hand is finished and saved. A second one stops at once."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def note(number: int, _frame: object) -> None:
        stop.append(number)
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def learning_rate(config: Config, step: int, *, steps: int) -> float:
    """Return the rate of step `step` of `steps`: a linear rise, then constant, or half a cosine (arXiv:1608.03983)."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - config.warmup_steps) / max(steps - config.warmup_steps, 1)
    return config.learning_rate * (LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))
