"""What the training tests share: drawn photos and styles, a judge with random weights, and a run of a few steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tsn.train.config import Config
from tsn.train.distributed import World
from tsn.train.loop import Run
from tsn.train.model import Encoder
from tsn.train.setup import Places, prepare

SMALL: dict[str, Any] = {
    "architecture": "lite",
    "image_size": 32,
    "shorter_side_min": 32,
    "shorter_side_max": 48,
    "batch_size": 2,
    "epochs": 4,
    "max_steps": 4,
    "learning_rate": 1e-3,
    "num_workers": 0,
    "log_interval": 1,
    "save_interval": 2,
    "sample_interval": 100,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums over several threads come out in another order: one thread makes runs comparable to the bit."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn photos, one of them in a folder of its own, one smaller than the crops."""
    return _drawn(tmp_path_factory.mktemp("photos"), seed=0, sizes=[(56, 48), (48, 64), (40, 40), (70, 50), (20, 30)])


@pytest.fixture(scope="session")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three drawn styles."""
    return _drawn(tmp_path_factory.mktemp("paintings"), seed=1, sizes=[(64, 64), (50, 80)])


@pytest.fixture(scope="session")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of VGG-19's shapes with random weights, in the form of a checkpoint."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder()
        for parameter in encoder.parameters():
            if parameter.ndim == 4:
                torch.nn.init.kaiming_normal_(parameter)
    path = tmp_path_factory.mktemp("vgg") / "vgg.pth"
    content = {"format": "tsn-checkpoint", "version": 1, "architecture": "adain-vgg19"}
    torch.save({**content, "model": {"encoder": encoder.state_dict(), "decoder": _decoder()}}, path)
    return path


@pytest.fixture
def make_run(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> Callable[..., Run]:
    """Make a small run: `make_run("folder", resume=True, learning_rate=1e-2)`."""

    def make(name: str = "run", *, resume: bool = False, start: Path | None = None, **keys: Any) -> Run:
        config = Config.model_validate({**SMALL, **keys})
        places = Places(content=photos, styles=[paintings], output=tmp_path / name, vgg=vgg, start=start, resume=resume)
        return prepare(config, places, World(rank=0, size=1, device=torch.device("cpu")), quiet=True)

    return make


def _decoder() -> dict[str, torch.Tensor]:
    from tsn.train.model import Decoder

    return Decoder().state_dict()


def _drawn(folder: Path, *, seed: int, sizes: list[tuple[int, int]]) -> Path:
    random = np.random.default_rng(seed)
    for number, (width, height) in enumerate([*sizes, (52, 52)]):
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        place = folder / ("deeper" if number == len(sizes) else ".")
        place.mkdir(exist_ok=True)
        picture.save(place / f"{number}.png")
    return folder
