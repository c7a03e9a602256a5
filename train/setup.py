"""Sets up a run from a config and folders, fresh or where a checkpoint left it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from tsn.runtime.errors import OutputError
from tsn.train.checkpoint import FOLDER, load_networks_into, newest_checkpoint, read_checkpoint
from tsn.train.config import Config
from tsn.train.data.clips import Clips, find_clips
from tsn.train.data.draws import POOL
from tsn.train.data.pictures import Crops, Numbers, Pictures, as_images, as_tensor, collate, find_pictures, style_crop
from tsn.train.distributed import World
from tsn.train.loop import Run, total_steps
from tsn.train.networks.adain import Encoder as Vgg
from tsn.train.networks.architectures import ARCHITECTURES
from tsn.train.networks.bundle_weights import is_bundle, read_bundle_weights
from tsn.train.networks.weights import load_encoder
from tsn.train.objective import Objective, Styles, measured
from tsn.train.report import TrainingLog

POOL_BATCH = 8  # style crops that VGG-19 measures at a time


@dataclass(frozen=True, kw_only=True)
class Places:
    """The places that a run reads from and writes to."""

    content: Path
    styles: Sequence[Path]  # each folder gives the same share of the styles
    output: Path
    vgg: Path | None = None  # None lets torchvision download it
    start: Path | None = None  # a checkpoint or a bundle whose networks the run begins with
    resume: bool = False


def prepare(config: Config, places: Places, world: World, *, quiet: bool = False) -> Run:
    """Set up a run, ready for loop.train.

    Raises InputError: nothing to read, or not enough. OutputError: the output folder cannot be written.
    """
    contents = Pictures([find_pictures(places.content)], (config.shorter_side_min, config.shorter_side_max))
    styles = Pictures(
        [find_pictures(folder) for folder in places.styles], (config.shorter_side_min, config.shorter_side_max)
    )
    clips = Clips(find_clips(Path(config.clips)), config) if config.clips is not None else None
    for source in (contents, styles, clips):
        if source is not None:
            source.refuse_unreadable()
    numbers = Numbers(
        photos=len(contents.folders[0]),
        contents=config.contents,
        epochs=config.epochs,
        rank=world.rank,
        world=world.size,
    )
    raft = _raft(config, world) if clips is not None else None
    newest = newest_checkpoint(places.output) if places.resume else None
    _make_folder(places.output, anew=not places.resume, world=world)

    torch.manual_seed(config.seed)
    objective = _objective(config, places, world)
    parameters = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    scaler = torch.amp.GradScaler(world.device.type, enabled=config.use_amp and config.amp_dtype == "fp16")  # type: ignore[attr-defined]
    loader: Any = DataLoader(  # of batches, which collate makes
        Crops(contents, styles, config, clips),
        batch_size=config.contents,
        sampler=numbers,
        num_workers=config.num_workers,
        collate_fn=collate,
    )
    step, changed = 0, ""
    if newest is not None:
        state = read_checkpoint(newest, architecture=config.architecture)
        load_networks_into(newest, state, {"encoder": objective.encoder, "decoder": objective.decoder})
        optimizer.load_state_dict(state["optimizer"])
        scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"]["torch"])
        if world.device.type == "cuda":
            torch.cuda.set_rng_state_all(state["random"]["cuda"])
        step = state["step"]
        changed = _changes(state["config"], config)
    report = TrainingLog(places.output, config, world, steps=total_steps(config, numbers), step=step, quiet=quiet)
    if changed:
        report.say(f"going on with other settings than before: {changed}")
    return Run(
        config=config,
        folder=places.output,
        world=world,
        objective=objective,
        loader=loader,
        numbers=numbers,
        pool=draw_pool(styles, objective.vgg, config, world.device) if config.style_pool else None,
        raft=raft,
        optimizer=optimizer,
        scaler=scaler,
        report=report,
        step=step,
        saved=newest,
    )


def draw_pool(styles: Pictures, vgg: Vgg, config: Config, device: torch.device) -> Styles:
    """Draw and measure the style crops that a run keeps to."""
    parts: list[Styles] = []
    for first in range(0, config.style_pool, POOL_BATCH):
        crops = [
            as_tensor(style_crop(styles, config, np.random.default_rng((config.seed, POOL, number))))
            for number in range(first, min(first + POOL_BATCH, config.style_pool))
        ]
        parts.append(measured(vgg, as_images(torch.stack(crops), device), config))
    return Styles(
        images=torch.cat([part.images for part in parts]),
        targets=[torch.cat(layers) for layers in zip(*(part.targets for part in parts), strict=True)],
        colours=torch.cat([part.colours for part in parts]),
        mean=torch.cat([part.mean for part in parts]),
        std=torch.cat([part.std for part in parts]),
    )


def _changes(before: Mapping[str, Any], config: Config) -> str:
    """Return the keys that a resumed run changes, each with its old and new value."""
    now = config.model_dump()
    return ", ".join(f"{key} {before.get(key)} -> {now[key]}" for key in now if before.get(key) != now[key])


def _raft(config: Config, world: World) -> nn.Module:
    from tsn.train.networks.raft_weights import load_raft  # here: torchvision takes seconds to import

    file = Path(config.flow_weights) if config.flow_weights is not None else None
    return load_raft("raft-small", file).requires_grad_(False).to(world.device)


def _objective(config: Config, places: Places, world: World) -> Objective:
    architecture = ARCHITECTURES[config.architecture]
    vgg = cast(Vgg, load_encoder(places.vgg))
    encoder: nn.Module = vgg if architecture.encoder is Vgg else architecture.encoder()
    decoder = architecture.decoder()
    if places.start is not None:
        start = _started(places.start, architecture=config.architecture)
        load_networks_into(places.start, start, {"encoder": encoder, "decoder": decoder})
    objective = Objective(encoder, decoder, vgg, config).to(world.device)
    if config.channels_last:
        objective = objective.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return objective


def _started(place: Path, *, architecture: str) -> Mapping[str, Any]:
    """What holds the networks that a run begins with."""
    if is_bundle(place):
        return read_bundle_weights(place, architecture=architecture)
    return read_checkpoint(newest_checkpoint(place), architecture=architecture)


def _make_folder(output: Path, *, anew: bool, world: World) -> None:
    """Make the run's folder. Refuses to train over the checkpoints of another run."""
    if not world.leads:
        world.wait()
        return
    try:
        if anew and any((output / FOLDER).glob("step_*.pth")):
            raise OutputError(f"{output} holds a run already. Go on with --resume, or give another folder with -o")
        (output / FOLDER).mkdir(parents=True, exist_ok=True)
        (output / ".writable").touch()
        (output / ".writable").unlink()
    except OSError as error:
        raise OutputError(f"the folder {output} cannot be written: {error.strerror}. Give another with -o") from error
    world.wait()
