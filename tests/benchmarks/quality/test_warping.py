"""Warping errors of cases whose answer is known."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.runtime.temporal.test_flow import textured
from tsn.benchmarks.quality.evaluate import frame_tensor
from tsn.benchmarks.quality.flow import read_flow
from tsn.benchmarks.quality.warping import end_point_error, feature_consistency, warping_error
from tsn.runtime.errors import InputError
from tsn.train.warping import trusted, warp


def constant(x: float, y: float, height: int = 48, width: int = 64) -> torch.Tensor:
    return torch.tensor([float(x), float(y)]).expand(1, height, width, 2).contiguous()


def test_a_translated_picture_has_no_error_and_its_border_does_not_count() -> None:
    wide = frame_tensor(textured(48, 80))
    earlier, later = wide[..., :64], wide[..., 5:69]  # it moved 5 pixels to the left: it was 5 to the right
    backward, forward = constant(5, 0), constant(-5, 0)
    mask = trusted(backward, forward)
    assert mask[..., :59].all()
    assert not mask[..., 59:].any()
    assert warping_error(earlier, later, backward, mask) < 1e-10


def test_the_error_of_a_changed_picture_is_the_square_of_the_change() -> None:
    earlier = frame_tensor(textured(48, 64)) * 0.5
    flow = constant(0, 0)
    assert warping_error(earlier, earlier + 0.1, flow, trusted(flow, flow)) == pytest.approx(0.01, rel=1e-4)


def test_a_rotated_picture_has_little_error_along_the_rotation_and_much_without() -> None:
    angle = np.deg2rad(1.5)
    y, x = torch.meshgrid(torch.arange(64.0) - 31.5, torch.arange(64.0) - 31.5, indexing="ij")

    def turn(by: float) -> torch.Tensor:
        return torch.stack([np.cos(by) * x - np.sin(by) * y - x, np.sin(by) * x + np.cos(by) * y - y], dim=-1)[None]

    backward, forward = turn(angle), turn(-angle)
    earlier = frame_tensor(textured(64, 64))
    later = warp(earlier, backward)
    consistent = trusted(backward, forward)[..., 16:48, 16:48]
    assert consistent.float().mean() > 0.95
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., 16:48, 16:48] = 1
    assert warping_error(earlier, later, backward, mask) < 1e-10
    assert warping_error(earlier, later, torch.zeros_like(backward), mask) > 1e-4


def test_what_a_moving_square_uncovers_is_not_counted() -> None:
    backward, forward = constant(0, 0), constant(0, 0)
    forward[:, 16:32, 10:26, 0] = 8  # the square was at 10..26, and moves 8 to the right
    backward[:, 16:32, 18:34, 0] = -8
    mask = trusted(backward, forward)[0, 0]
    assert not mask[17:31, 10:18].any()  # uncovered: its flow of 0 leads to a pixel of the square, which went away
    assert mask[18:30, 20:32].all()  # the square itself
    assert mask[:14].all()  # the still background


def test_across_a_cut_the_flow_contradicts_itself_and_nothing_counts() -> None:
    random = torch.Generator().manual_seed(0)
    flows = [torch.randn(1, 48, 64, 2, generator=random) * 10 for _ in range(2)]
    assert trusted(*flows).mean() < 0.02
    frame = frame_tensor(textured(48, 64))
    assert warping_error(frame, 1 - frame, flows[0], torch.zeros(1, 1, 48, 64)) == 0


def test_features_move_with_an_eighth_of_the_flow() -> None:
    features = frame_tensor(textured(6, 10, seed=3))
    found = feature_consistency(features[..., :8], features[..., 1:9], constant(8, 0))
    border = float((features[..., 7] - features[..., 8]).square().mean()) / 8  # the last of 8 columns repeats
    assert found == pytest.approx(border, rel=1e-3)


def test_the_end_point_error_is_a_distance_and_skips_what_is_unknown() -> None:
    truth = constant(3, 4)
    truth[:, :10] = 1e10
    assert end_point_error(constant(0, 0), truth) == pytest.approx(5)


def test_flow_files_are_read_and_damaged_ones_refused(tmp_path: pytest.TempPathFactory) -> None:
    flow = np.random.default_rng(0).random((5, 7, 2), dtype=np.float32)
    file = tmp_path / "flow.flo"
    file.write_bytes(b"PIEH" + np.array([7, 5], "<i4").tobytes() + flow.tobytes())
    np.testing.assert_array_equal(read_flow(file)[0], flow)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="7x5 needs 292"):
        read_flow(file)
    file.write_bytes(b"PIEH" + np.array([-7, -5], "<i4").tobytes() + flow.tobytes())
    with pytest.raises(InputError, match="-7x-5"):
        read_flow(file)
    file.write_bytes(b"GIF89a")
    with pytest.raises(InputError, match="no flow file"):
        read_flow(file)
