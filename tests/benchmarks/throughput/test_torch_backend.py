"""PyTorch's rows compute what the bundle computes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

from tsn.benchmarks.throughput.clip import prepare_clip
from tsn.benchmarks.throughput.networks import NetworksAlone
from tsn.benchmarks.throughput.plan import parse_size
from tsn.benchmarks.throughput.rows import MODES, ROWS
from tsn.benchmarks.throughput.torch_backend import TorchBackend
from tsn.runtime.backends import open_backend, scalar
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import BundleError, UnavailableError
from tsn.runtime.transfer import VideoStyleTransfer

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


@pytest.mark.parametrize(("row", "levels"), [("eager", 1), ("eager-amp", 12)])  # bf16 keeps 8 bits of a mantissa
def test_a_frame_comes_out_as_from_the_exported_network(
    tiny_bundle: Path, tiny_networks: "Networks", row: str, levels: int
) -> None:
    bundle = open_bundle(tiny_bundle)
    frame = np.random.default_rng(0).integers(0, 256, (1, 40, 56, 3), dtype=np.uint8)
    mean, std = bundle.manifest.styles["stripes"].arrays()
    found = []
    for backend in (open_backend("cpu", threads=1), TorchBackend(ROWS[row], bundle, tiny_networks, threads=None)):
        inputs = {
            "mean": mean, "std": std, "strength": scalar(1), "preserve_color": scalar(0), "frame": frame,
        }  # fmt: skip
        session = backend.load(bundle.network("stylize"))
        found.append(session(**{name: backend.upload(value) for name, value in inputs.items()})["stylized"].numpy())
    reference, other = found
    assert other.shape == reference.shape == frame.shape
    assert np.abs(reference.astype(int) - other).max() <= levels
    assert reference.std() > 10


@pytest.mark.parametrize(
    ("mode", "stages"),
    [
        ("frame-wise", ("other", "upload", "stylize", "download")),
        ("temporal", ("other", "upload", "stylize", "download", "flow", "blend")),
    ],
)
def test_the_networks_alone_run_on_a_clip(
    tiny_bundle: Path, tiny_networks: "Networks", tmp_path: Path, mode: str, stages: tuple[str, ...]
) -> None:
    transfer = VideoStyleTransfer(tiny_bundle, threads=1)
    transfer.backend = TorchBackend(ROWS["eager"], transfer.bundle, tiny_networks, threads=None)
    clip, _ = prepare_clip(None, parse_size("48x32"), frames=3, folder=tmp_path)
    turn = NetworksAlone(transfer, MODES[mode], clip=clip, style="noise")(5)
    assert turn.frames == 5
    assert {name: len(times) for name, times in turn.stages_ms.items()} == dict.fromkeys(stages, 5)
    sums = np.sum([turn.stages_ms[name] for name in turn.stages_ms], axis=0)
    assert turn.frame_ms == pytest.approx(tuple(sums))
    assert sum(turn.frame_ms) / 1000 == pytest.approx(turn.seconds, rel=0.1)


def test_a_network_that_pytorch_does_not_have_is_refused(tiny_bundle: Path, tiny_networks: "Networks") -> None:
    bundle = open_bundle(tiny_bundle)
    backend = TorchBackend(ROWS["eager"], bundle, tiny_networks, threads=None)
    with pytest.raises(BundleError, match=r"flow\.onnx"):
        backend.load(tiny_bundle / "flow.onnx")


def test_a_gpu_row_without_a_gpu_is_refused(tiny_bundle: Path, tiny_networks: "Networks") -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(UnavailableError, match="no CUDA device"):
        TorchBackend(ROWS["eager-cuda"], open_bundle(tiny_bundle), tiny_networks, threads=None)


@pytest.mark.slow
def test_eager_pytorch_is_measured_beside_the_bundle_that_its_weights_made(real_data: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    weights = (
        "--encoder", str(real_data / "weights" / "vgg19_normalised_to_relu4_1.pth"),
        "--decoder", str(real_data / "weights" / "adain_decoder_relu4_1.pth"),
    )  # fmt: skip
    style = next((real_data / "styles").glob("*.jpg"))
    run = [sys.executable, "-c", "import sys; from tsn.{}.cli import main; main()"]
    export = [*run[:2], run[2].format("export"), *weights, "--style", f"one={style}", "-o", str(tmp_path / "bundle")]
    subprocess.run(export, check=True, capture_output=True)
    bench = [*run[:2], run[2].format("benchmarks.throughput"), "--bundle", str(tmp_path / "bundle"), *weights]
    options = ["--rows", "eager,onnxruntime-cpu", "--sizes", "64x48", "--quick", "-o", str(tmp_path / "out")]
    subprocess.run([*bench, *options], check=True, capture_output=True)

    from tsn.benchmarks.throughput.results import read_results

    found = read_results(tmp_path / "out" / "results.json")
    cells = {(cell.row, cell.scope): cell for cell in found.measurements if cell.mode == "frame-wise"}
    assert set(cells) == {(row, scope) for row in ("eager", "onnxruntime-cpu") for scope in ("file", "networks")}
    ratio = cells["eager", "file"].ratio
    assert ratio is not None
    assert ratio.low == ratio.high == 1
    assert cells["onnxruntime-cpu", "networks"].ratio is not None
