"""The losses, against values worked out by hand."""

import math

import pytest
import torch

from tsn.train import losses


def test_the_gram_matrix_is_divided_by_height_times_width_and_not_by_the_channels() -> None:
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # 2 channels of 1 x 2
    assert torch.allclose(losses.gram(features), torch.tensor([[[2.5, 5.5], [5.5, 12.5]]]))


def test_gram_matrices_are_float32_under_autocast() -> None:
    features = torch.full((1, 4, 64, 64), 300.0, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        found = losses.gram(features)
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.full((1, 4, 4), float(torch.tensor(300.0).bfloat16()) ** 2))


def test_the_style_loss_with_mean_and_deviation_adds_the_two_errors_of_each_layer() -> None:
    target = [torch.stack([torch.zeros(1, 3), torch.ones(1, 3)], dim=1)]  # mean 0, deviation 1
    features = [torch.tensor([-1.0, 1.0]).repeat(1, 3, 8, 1) + 2]  # mean 2, deviation of 16 values
    deviation = math.sqrt(16 / 15 + 1e-5)
    expected = 2.0**2 + (deviation - 1) ** 2
    assert float(losses.style_loss(features, target, kind="mean_std")) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", ["gram", "mean_std"])
def test_a_picture_has_no_style_loss_against_itself(kind: losses.StyleLoss) -> None:
    features = [torch.rand(2, 4, 9, 9), torch.rand(2, 8, 5, 5)]
    targets = losses.style_targets(features, kind=kind)
    assert float(losses.style_loss(features, targets, kind=kind)) == 0
    others = [layer.flip(0) for layer in targets]
    assert float(losses.style_loss(features, others, kind=kind)) > 1e-4


def test_means_and_deviations_of_bfloat16_and_their_gradients_are_those_of_float32() -> None:
    torch.manual_seed(0)
    half = torch.rand(2, 4, 16, 16).bfloat16().requires_grad_()
    full = half.detach().float().requires_grad_()
    wanted = torch.rand(2, 2, 4)
    for features in (half, full):
        (losses.mean_std(features) - wanted).square().sum().backward()
    assert torch.allclose(losses.mean_std(half), losses.mean_std(full), rtol=1e-4)
    assert half.grad is not None
    assert full.grad is not None
    assert torch.allclose(half.grad.float(), full.grad, atol=0.02 * float(full.grad.abs().max()))


def test_balanced_losses_are_the_means_of_each_pictures_root() -> None:
    features, target = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    target[0], target[1] = 1.0, 3.0
    assert float(losses.content_loss(features, target)) == pytest.approx((1 + 9) / 2)
    assert float(losses.content_loss(features, target, balanced=True)) == pytest.approx((1 + 3) / 2, rel=1e-3)
    means = [torch.stack([target.mean(dim=(2, 3)), torch.zeros(2, 3)], dim=1)]
    balanced = losses.style_loss([features], means, kind="mean_std", balanced=True)
    assert float(balanced) == pytest.approx((1 + 3) / 2, rel=1e-3)


@pytest.mark.parametrize("period", losses.GRID_PERIODS)
def test_the_grid_loss_sees_a_grid_and_no_other_pattern(period: int) -> None:
    torch.manual_seed(0)
    plain = torch.rand(1, 3, 128, 128)
    stripes = (torch.arange(128) % period == 0).float()
    grid = plain + 0.3 * (stripes[:, None] + stripes)
    other = plain + 0.3 * torch.sin(torch.arange(128) * 2 * math.pi * 23 / 128)
    quiet = float(losses.grid_loss(plain))
    assert float(losses.grid_loss(grid)) > quiet + 0.5
    assert float(losses.grid_loss(other)) < quiet + 0.2
    assert float(losses.grid_loss(torch.full((1, 3, 128, 128), 0.4))) < 0.01


def test_total_variation_is_the_mean_step_between_neighbours() -> None:
    ramp = torch.arange(4.0).view(1, 1, 1, 4).expand(1, 1, 4, 4)
    assert float(losses.variation_loss(ramp)) == 1.0


def test_a_known_shift_moves_pixels_by_just_that_much() -> None:
    images = torch.rand(1, 3, 16, 24)
    grid = losses.motion_grid(torch.tensor([[3.0, -2.0, 0.0, 0.0]]), height=16, width=24)
    moved = losses.move(images, grid)
    assert torch.allclose(moved[..., 2:, :-3], images[..., :-2, 3:], atol=1e-5)


def test_turning_keeps_circles_round_in_a_picture_that_is_not_square() -> None:
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(80.0), indexing="ij")
    disc = (torch.hypot(rows - 19.5, columns - 39.5) < 12).float()[None, None]
    grid = losses.motion_grid(torch.tensor([[0.0, 0.0, math.pi / 2, 0.0]]), height=40, width=80)
    seen = (grid.abs() <= 1).all(dim=3)  # beyond it the disc's mirror images stand
    assert float((losses.move(disc, grid) - disc)[0, 0][seen[0]].abs().max()) < 1e-5


def test_the_temporal_loss_is_zero_for_an_output_that_moves_with_its_picture() -> None:
    motions = torch.tensor([[2.5, -1.0, 0.05, 0.02]])
    outputs = torch.rand(1, 3, 32, 32)
    grid = losses.motion_grid(motions, height=32, width=32)
    moved = losses.move(outputs, grid)
    assert float(losses.temporal_loss(moved, moved, losses.inside(grid))) == 0
    assert float(losses.temporal_loss(moved, outputs, losses.inside(grid))) > 0.01


def test_the_temporal_loss_leaves_out_what_only_one_frame_shows() -> None:
    grid = losses.motion_grid(torch.tensor([[8.0, 0.0, 0.0, 0.0]]), height=32, width=32)
    first = torch.zeros(1, 3, 32, 32)
    second = torch.zeros(1, 3, 32, 32)
    second[..., 24:] = 1  # the columns that came into view
    assert float(losses.temporal_loss(first, second, losses.inside(grid))) == 0


def test_a_picture_of_which_nothing_is_seen_counts_as_one_without_a_loss() -> None:
    first, second = torch.zeros(2, 3, 8, 8), torch.ones(2, 3, 8, 8)
    seen = torch.stack([torch.ones(1, 8, 8), torch.zeros(1, 8, 8)])
    assert float(losses.temporal_loss(first, second, seen)) == 0.5


def test_a_recoloured_photo_has_the_mean_and_covariance_of_the_style() -> None:
    torch.manual_seed(0)
    photo = 0.5 + 0.1 * torch.randn(1, 3, 32, 32)
    mixing = torch.tensor([[0.08, 0.02, 0.0], [0.0, 0.05, 0.03], [0.01, 0.0, 0.06]])
    style = (torch.einsum("ij,njhw->nihw", mixing, torch.randn(1, 3, 40, 40)) + 0.4).clamp(0, 1)
    found = losses.recoloured(photo, style).flatten(2)[0]
    wanted = style.flatten(2)[0]
    assert torch.allclose(found.mean(1), wanted.mean(1), atol=0.01)
    assert torch.allclose(found.cov(), wanted.cov(), atol=5e-4)


def test_the_colour_loss_sees_a_cast() -> None:
    style = torch.rand(1, 3, 16, 16)
    colours = losses.mean_std(style)
    assert float(losses.colour_loss(style, colours)) == 0
    cast = style + torch.tensor([0.3, 0.0, 0.0]).view(1, 3, 1, 1)
    assert float(losses.colour_loss(cast, colours)) == pytest.approx(0.3**2 / 3, rel=1e-4)
