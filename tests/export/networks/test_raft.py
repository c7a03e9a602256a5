"""RAFT as exported, against torchvision's and against the truth."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnxruntime

from tests.runtime.temporal.test_flow import textured
from tsn.benchmarks.quality.flow import read_flow
from tsn.benchmarks.quality.warping import end_point_error
from tsn.export.networks.held import FlowRequest, flow_networks
from tsn.export.networks.raft import FeaturesGraph, FlowGraph, feature_size, refuse_too_large
from tsn.export.onnx.file import write_onnx
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.pictures.reader import read_picture
from tsn.train.networks.raft_weights import BUILDERS, load_raft


def pair(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    current = torch.from_numpy(textured(height, width))[None]
    return current, current.roll(3, dims=2)


def flow_of(
    network: torch.nn.Module,
    current: torch.Tensor,
    previous: torch.Tensor,
    *,
    updates: int,
    scale: Fraction = Fraction(1),
) -> torch.Tensor:
    features = FeaturesGraph(network, scale=scale)
    graph = FlowGraph(network, updates=updates, scale=scale)
    return graph(current, previous, features(current), features(previous))[0]


@pytest.fixture(scope="module", params=["raft-small", "raft-large"])
def network(request: pytest.FixtureRequest) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BUILDERS[request.param](weights=None).eval()


@torch.inference_mode()
def test_the_last_flow_is_torchvisions(network: torch.nn.Module) -> None:
    current, previous = pair(136, 160)
    planes = [frame.permute(0, 3, 1, 2) / 127.5 - 1 for frame in (current, previous)]
    expected = network(*planes, num_flow_updates=3)[-1].permute(0, 2, 3, 1)
    found = flow_of(network, current, previous, updates=3)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(17, 40), (131, 153)])
@pytest.mark.parametrize("scale", [Fraction(1), Fraction(1, 2), Fraction(3, 10)])
def test_any_size_gives_a_finite_flow_of_that_size(height: int, width: int, scale: Fraction) -> None:
    flow = flow_of(BUILDERS["raft-small"](weights=None), *pair(height, width), updates=1, scale=scale)
    assert flow.shape == (1, height, width, 2)
    assert torch.isfinite(flow).all()


def test_where_nothing_has_changed_nothing_moves() -> None:
    current, previous = pair(72, 104)
    previous[:, :, :60] = current[:, :, :60]
    moved = flow_of(BUILDERS["raft-small"](weights=None), current, previous, updates=1).detach().abs().amax(dim=3)
    assert float(moved[..., :57].max()) == 0
    assert float(moved[..., 60:].min()) > 0


def test_too_large_frames_are_refused_with_the_scale_that_fits() -> None:
    refuse_too_large(Size(1920, 1080), scale=Fraction(1))
    refuse_too_large(Size(3840, 2160), scale=Fraction(1, 2))
    with pytest.raises(UsageError, match=r"--flow-scale 0\.55"):
        refuse_too_large(Size(3840, 2160), scale=Fraction(1))


@torch.inference_mode()
@pytest.mark.parametrize("scale", [Fraction(1), Fraction(17, 20), Fraction(1, 2), Fraction(3, 10), Fraction(1, 4)])
def test_the_size_of_features_is_known_before_they_are(scale: Fraction) -> None:
    graph = FeaturesGraph(BUILDERS["raft-small"](weights=None), scale=scale)
    for width, height in ((37, 331), (541, 59)):
        found = graph(torch.zeros(1, height, width, 3, dtype=torch.uint8)).shape
        assert Size(found[3], found[2]) == feature_size(Size(width, height), scale)


class Exported:
    """The networks of a flow as ONNX."""

    def __init__(self, request: FlowRequest, folder: Path) -> None:
        self._sessions = {}
        for exportable in flow_networks(request):
            assert exportable.scale == request.scale
            write_onnx(exportable, folder / f"{exportable.name}.onnx")
            self._sessions[exportable.name] = onnxruntime.InferenceSession(
                folder / f"{exportable.name}.onnx", providers=["CPUExecutionProvider"]
            )

    def __call__(self, current: np.ndarray, previous: np.ndarray) -> np.ndarray:
        features = [self._sessions["features"].run(None, {"frame": frame})[0] for frame in (current, previous)]
        inputs = {"current": current, "previous": previous, "features": features[0], "previous_features": features[1]}
        return self._sessions["flow"].run(None, inputs)[0]


@pytest.mark.slow
def test_the_onnx_files_agree_with_pytorch_at_every_size(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(BUILDERS["raft-small"](weights=None).state_dict(), tmp_path / "weights.pth")
    request = FlowRequest(kind="raft-small", weights=tmp_path / "weights.pth", updates=2, scale=Fraction(1, 2))
    exported, network = Exported(request, tmp_path), load_raft("raft-small", tmp_path / "weights.pth")
    for height, width in ((64, 90), (301, 277)):
        current, previous = pair(height, width)
        with torch.inference_mode():
            expected = flow_of(network, current, previous, updates=2, scale=Fraction(1, 2)).numpy()
        assert np.abs(exported(current.numpy(), previous.numpy()) - expected).max() < 1e-3


# What the original authors' network reaches here, and a hundredth of a pixel for the order of additions.
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_end_point_error_on_middlebury_is_the_published_networks(real_data: Path, tmp_path: Path) -> None:
    request = FlowRequest(kind="raft-small", weights=real_data / "weights" / "raft-small.pth", updates=20)
    exported = Exported(request, tmp_path)
    limits = {"RubberWhale": 0.33, "Grove2": 0.36, "Urban2": 0.55, "Venus": 0.38}
    for name, limit in limits.items():
        folder = real_data / "flow" / name
        frames = [read_picture(folder / f"frame{number}.png")[None] for number in (10, 11)]
        found = exported(*frames)
        error = end_point_error(torch.from_numpy(found), read_flow(folder / "flow10.flo"))
        print(f"{name}: {error:.3f} pixels")
        assert error <= limit
