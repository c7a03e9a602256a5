"""The style and stylize networks as ONNX, against PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from tsn.export.networks.drawn_frames import drawn_frames
from tsn.export.networks.graphs import StyleGraph, StylizeGraph, planes
from tsn.train.networks.adain import statistics

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


def session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height * width).integers(0, 256, (1, height, width, 3), dtype=np.uint8)


def inputs(frame: NDArray[np.uint8], *, strength: float = 1, preserve: float = 0) -> dict[str, NDArray[np.generic]]:
    random = np.random.default_rng(0)
    return {
        "frame": frame,
        "mean": random.random(8, dtype=np.float32),
        "std": random.random(8, dtype=np.float32) + np.float32(0.5),
        "strength": np.array([strength], np.float32),
        "preserve_color": np.array([preserve], np.float32),
    }


@pytest.mark.parametrize(
    ("width", "height"), [(853, 477), (477, 853), (9, 9), (9, 40), (10, 17), (64, 64), (104, 72), (640, 16)]
)
def test_any_size_comes_out_exactly_as_large_and_as_pytorch_has_it(
    tiny_bundle: Path, tiny_networks: "Networks", width: int, height: int
) -> None:
    given = inputs(noise(height, width), strength=0.7, preserve=0.3)
    styled, stylized = session(tiny_bundle / "stylize.onnx").run(["styled", "stylized"], given)
    assert styled.shape == (1, 3, height, width)
    assert stylized.shape == (1, height, width, 3)
    with torch.inference_mode():
        graph = StylizeGraph(tiny_networks.encoder, tiny_networks.decoder)
        expected, expected_levels = graph(*(torch.from_numpy(value) for value in given.values()))
    np.testing.assert_allclose(styled, expected.numpy(), atol=2e-5)
    differences = np.abs(stylized.astype(int) - expected_levels.numpy().astype(int))
    assert differences.max() <= 1
    assert differences.mean() < 0.001


def test_the_style_network_stays_exact_on_a_large_picture(tiny_bundle: Path, tiny_networks: "Networks") -> None:
    picture = noise(1080, 1920)
    mean, std = session(tiny_bundle / "style.onnx").run(["mean", "std"], {"image": picture})
    with torch.inference_mode():
        features = tiny_networks.encoder(planes(torch.from_numpy(picture))).double().numpy()
    np.testing.assert_allclose(mean, features.mean((0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(std, np.sqrt(features.var((0, 2, 3), ddof=1) + 1e-5), rtol=1e-4)


def test_a_frame_in_its_own_style_comes_out_as_at_strength_0(tiny_bundle: Path) -> None:
    frame = noise(48, 80)
    mean, std = session(tiny_bundle / "style.onnx").run(None, {"image": frame})
    stylize = session(tiny_bundle / "stylize.onnx")
    own = stylize.run(["styled"], inputs(frame) | {"mean": mean, "std": std})[0]
    none = stylize.run(["styled"], inputs(frame, strength=0))[0]
    other = stylize.run(["styled"], inputs(frame))[0]
    np.testing.assert_allclose(own, none, atol=2e-4)
    assert np.abs(other - none).mean() > 0.01


def test_below_the_minimum_the_network_refuses_rather_than_invents(tiny_bundle: Path) -> None:
    with pytest.raises(Exception, match=r"[Pp]ad|reflect|dim"):
        session(tiny_bundle / "stylize.onnx").run(None, inputs(noise(8, 8)))


def test_networks_are_compared_on_frames_of_odd_sizes_and_of_the_smallest() -> None:
    frames = drawn_frames(minimum_side=9)
    sizes = [frame.shape[1:3] for frame in frames]
    assert (9, 9) in sizes
    assert any(height % 2 and width % 2 for height, width in sizes)
    assert any(height > width for height, width in sizes)
    assert all({0, 255} <= set(np.unique(frame)) for frame in frames)
    again = drawn_frames(minimum_side=9)
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True))


@pytest.mark.slow
def test_the_published_weights_give_a_style_close_to_float64(real_data: Path) -> None:
    from tsn.runtime.pictures.reader import read_picture
    from tsn.train.networks.weights import load_encoder

    encoder = load_encoder(real_data / "weights" / "vgg19_normalised_to_relu4_1.pth")
    picture = torch.from_numpy(read_picture(real_data / "styles" / "picabia_udnie_1913.jpg", shorter_side=256).copy())[
        None
    ]
    with torch.inference_mode():
        mean, std = StyleGraph(encoder)(picture)
        exact_mean, exact_std = statistics_in_double(encoder, picture)
    torch.testing.assert_close(mean.double(), exact_mean, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(std.double(), exact_std, rtol=1e-3, atol=1e-4)


def statistics_in_double(encoder: "torch.nn.Module", picture: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
    features = encoder.double()(planes(picture).double())
    mean, std = features.mean((0, 2, 3)), (features.var((0, 2, 3)) + 1e-5).sqrt()
    assert statistics(features)[0].dtype == torch.float32
    return mean, std
