"""Where the tests find media: drawn by themselves, or real when it is there."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

    from tsn.train.networks.weights import Networks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on Windows what needs POSIX."""
    if sys.platform == "win32":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="needs POSIX: its signals, shell, links or devices"))


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that `make` fills once in a test run, however many processes share the tests."""
    from filelock import FileLock

    place = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        place = place.parent  # that of all the processes
    folder = place / "made_once" / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            unfinished = folder.with_name(f"{name}.part")
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real weights, clips and pictures; skips where there is none ($TSN_TEST_DATA or ../shared/data)."""
    candidates = [os.environ.get("TSN_TEST_DATA"), Path(__file__).parents[2] / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("needs real data: set TSN_TEST_DATA to its folder")


@pytest.fixture(scope="session")
def tiny_networks() -> "Networks":
    """AdaIN networks of the true shape with 8 channels and random weights; without torch the test is skipped."""
    torch = pytest.importorskip("torch")
    from torch import nn

    from tsn.train.networks.architectures import Architecture
    from tsn.train.networks.weights import Networks

    def convolution(inputs: int, outputs: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")

    class TinyEncoder(nn.Sequential):
        def __init__(self) -> None:
            super().__init__()
            for inputs in (3, 8, 8):
                self.extend([convolution(inputs, 8), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)])
            self.extend([convolution(8, 8), nn.ReLU()])

    class TinyDecoder(nn.Sequential):
        def __init__(self) -> None:
            super().__init__()
            for _ in range(3):
                self.extend([convolution(8, 8), nn.ReLU(), nn.Upsample(scale_factor=2, mode="nearest")])
            self.append(convolution(8, 3))

        def forward(self, features: "Tensor", mean: "Tensor | None" = None, std: "Tensor | None" = None) -> "Tensor":
            """Another picture for other statistics, as lite's decoder."""
            return super().forward(features if mean is None or std is None else features + 0.02 * mean + 0.02 * std)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder, decoder = TinyEncoder(), TinyDecoder()
        with torch.no_grad():
            for layer in (*encoder, *decoder):
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight)  # so that the signal passes the layers and frames differ
            decoder[-1].weight.mul_(0.3)
            decoder[-1].bias.fill_(0.5)  # mid-grey: most values stay inside 0..1, where clipping cannot hide an error
    architecture = Architecture(name="tiny", encoder=TinyEncoder, decoder=TinyDecoder, channels=8, minimum_side=9)
    return Networks(architecture=architecture, encoder=encoder.eval(), decoder=decoder.eval())


@pytest.fixture(scope="session")
def tiny_bundle(tiny_networks: "Networks", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the tiny networks with the styles `stripes` and `noise`, exported as tsn-export does.

    Shared by all tests of a session: copy it before changing it.
    """
    from tsn.export.bundle_writer import write_bundle
    from tsn.export.networks.bundle import bundle_networks

    y, x = np.mgrid[0:64, 0:80]
    stripes = np.stack([x * 3, y * 3, (x + y) % 16 * 15], axis=-1).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    styles = {"stripes": stripes, "noise": noise}

    def make(folder: Path) -> None:
        write_bundle(folder, tiny_networks, bundle_networks(tiny_networks), name="tiny", styles=styles)

    return made_once(tmp_path_factory, "tiny", make)


@pytest.fixture(scope="session")
def tiny_half_bundle(tiny_networks: "Networks", tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with `stylize` in FP16 and BF16 beside FP32. Shared: copy it before changing it."""
    from tsn.export import bundle_writer
    from tsn.export.networks.bundle import bundle_networks
    from tsn.export.networks.exportable import Exportable

    true_write = bundle_writer.write_onnx

    def write(network: Exportable, path: Path) -> None:  # the FP32 files exist already: seconds of tracing
        if (tiny_bundle / path.name).is_file():
            shutil.copyfile(tiny_bundle / path.name, path)
        else:
            true_write(network, path)

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bundle_writer, "write_onnx", write)
            bundle_writer.write_bundle(
                folder,
                tiny_networks,
                bundle_networks(tiny_networks),
                name="half",
                styles={"noise": np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)},
                precisions=("fp16", "bf16"),
            )

    return made_once(tmp_path_factory, "half", make)
