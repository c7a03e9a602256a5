"""The studio networks from photos, styles and the full pair: one checkpoint, in three parts.

The encoder is fitted by least squares, then trained; the decoder is fitted to what that encoder gives.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from tsn.runtime.files import refuse_unwritable
from tsn.train.checkpoint import load_networks_into, read_checkpoint, save_checkpoint
from tsn.train.data.draws import FITTING
from tsn.train.data.pictures import Pictures, as_tensor, find_pictures, recoloured
from tsn.train.fitting.distil import Distillation, Plan, remembered
from tsn.train.fitting.least_squares import in_parts
from tsn.train.fitting.studio import fit_decoder, fit_encoder
from tsn.train.networks import adain, studio
from tsn.train.networks.weights import load_networks

LARGEST = 4  # times the crops' side: the largest shorter side that pictures are scaled to
RECOLOURED = 3  # one crop in so many


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to fit on, and where to write it."""

    content: Path
    styles: Sequence[Path]
    vgg: Path
    decoder: Path  # of the full pair
    output: Path  # a checkpoint
    resume: bool = False
    crops: int = 3400  # that the encoder is trained on
    fitted_crops: int = 192  # that layers are fitted on
    size: int = 128  # pixels, of a crop's side
    steps: int = 850  # that the encoder is trained for
    seed: int = 0


def fit_studio(job: Job, *, say: Callable[[str], None]) -> None:
    """Write the checkpoint; while the encoder trains, its state is in a file beside, which `resume` goes on from.

    Raises InputError, OutputError.
    """
    refuse_unwritable(job.output, overwrite=False)
    full = load_networks(job.vgg, job.decoder)
    vgg = cast(adain.Encoder, full.encoder)
    folders = [find_pictures(place) for place in (job.content, *job.styles)]
    torch.manual_seed(job.seed)
    encoder, decoder = studio.Encoder(), studio.Decoder()
    unfinished = job.output.with_suffix(".part.pth")
    state: dict[str, Any] | None = None
    if job.resume:
        state = read_checkpoint(unfinished, architecture="studio")
        load_networks_into(unfinished, state, {"encoder": encoder})
    else:
        mixed = drawn_crops(job, folders, job.fitted_crops, part=0)
        fit_encoder(encoder, vgg, mixed.float() / 255, say=say, seed=job.seed)

    crops = drawn_crops(job, folders, job.crops, part=1)
    say(f"VGG-19 looks at {len(crops)} crops")
    training = Distillation(encoder, crops, remembered(vgg, crops), Plan(steps=job.steps, seed=job.seed))
    if state is not None:
        training.optimizer.load_state_dict(state["optimizer"])
        training.done = state["step"]
    training.run(say=say, save=lambda: save_checkpoint(unfinished, _state(encoder, decoder, training)))

    photos = drawn_crops(job, folders[:1], job.fitted_crops // 2, part=2).float() / 255
    pictures = drawn_crops(job, folders[1:], job.fitted_crops // 2, part=3).float() / 255
    with torch.no_grad():
        style = adain.statistics(in_parts(vgg, pictures))
        wanted = adain.adain(in_parts(vgg, photos), *style)
        found = adain.adain(in_parts(encoder, photos), *style)
    fit_decoder(decoder, cast(adain.Decoder, full.decoder), found, wanted, say=say, seed=job.seed)
    save_checkpoint(
        job.output, {key: value for key, value in _state(encoder, decoder, training).items() if key != "optimizer"}
    )
    unfinished.unlink(missing_ok=True)


def drawn_crops(job: Job, folders: Sequence[Sequence[Path]], count: int, *, part: int) -> Tensor:
    """Return crops uint8 (count, 3, S, S), as many of each folder, one in three with other colours."""
    pictures = Pictures(folders, (job.size * 9 // 8, job.size * LARGEST))
    crops: list[Tensor] = []
    for number in range(count):
        random = np.random.default_rng((job.seed, FITTING, part, number))
        crop = pictures.crop(job.size, random)
        crop = crop[:, ::-1] if random.integers(2) else crop
        crops.append(as_tensor(recoloured(crop, random) if random.integers(RECOLOURED) == 0 else crop))
    return torch.stack(crops)


def _state(encoder: studio.Encoder, decoder: studio.Decoder, training: Distillation) -> dict[str, Any]:
    return {
        "architecture": "studio",
        "model": {"encoder": encoder.state_dict(), "decoder": decoder.state_dict()},
        "optimizer": training.optimizer.state_dict(),
        "step": training.done,
        "config": {},
    }
