"""What the training tests share: drawn photos, styles and clips, random networks, and a run of a few steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tsn.train.config import Config
from tsn.train.distributed import World
from tsn.train.loop import Run
from tsn.train.networks.adain import Encoder
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


@pytest.fixture(scope="session")
def draw_clip() -> Callable[..., Path]:
    """The function write_clip below."""
    return write_clip


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn clips, one of them in a folder of its own, and a broken one."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "deeper").mkdir()
    for number, name in enumerate(("a.mp4", "b.mkv", "c.mp4", "deeper/D.AVI")):
        write_clip(folder / name, shade=50 * number)
    (folder / "broken.mp4").write_bytes((folder / "a.mp4").read_bytes()[:300])
    return folder


@pytest.fixture(scope="session")
def still_raft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of RAFT-small with random weights, but for its last layer: it sees no motion anywhere."""
    from tsn.train.networks.raft_weights import BUILDERS

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = BUILDERS["raft-small"](weights=None).state_dict()
    for part in ("weight", "bias"):
        state[f"update_block.flow_head.conv2.{part}"].zero_()
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    torch.save(state, path)
    return path


@pytest.fixture
def make_run(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> Callable[..., Run]:
    """Make a small run: `make_run("folder", resume=True, learning_rate=1e-2)`."""

    def make(name: str = "run", *, resume: bool = False, start: Path | None = None, **keys: Any) -> Run:
        config = Config.model_validate({**SMALL, **keys})
        places = Places(content=photos, styles=[paintings], output=tmp_path / name, vgg=vgg, start=start, resume=resume)
        return prepare(config, places, World(rank=0, size=1, device=torch.device("cpu")), quiet=True)

    return make


def write_clip(path: Path, *, shade: int = 100, frames: int = 10) -> Path:
    """A clip of a texture that stands still and becomes brighter by four levels from frame to frame."""
    texture = np.random.default_rng(shade).integers(0, 60, (12, 16, 3), dtype=np.uint8)
    still = np.asarray(Image.fromarray(texture).resize((64, 48), Image.Resampling.BICUBIC)).astype(int) + shade
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4" if path.suffix == ".AVI" else "libx264", rate=25)
        stream.bit_rate = 4_000_000
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 64, 48, "yuv420p", 5
        for number in range(frames):
            picture = np.minimum(still + 4 * number, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def _decoder() -> dict[str, torch.Tensor]:
    from tsn.train.networks.adain import Decoder

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
