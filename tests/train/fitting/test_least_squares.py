"""Fitting a convolution: channels that explain the others, exact answers where there are some."""

import torch
from torch.nn import functional

from tsn.train.fitting.least_squares import Regression, chosen_channels, explained


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_channels_are_chosen_that_explain_the_others() -> None:
    torch.manual_seed(0)
    first, second, noise = torch.rand(3, 4, 1, 16, 16)
    activations = torch.cat([0.5 * first, first, first + 0.01 * noise, second], dim=1)
    chosen = chosen_channels(activations, torch.ones(5, 4, 3, 3), count=2, random=seeded())
    assert 3 in chosen
    assert chosen != [3, 0]  # the weakest copy of the first explains as much only after a scale: it has less variance


def test_a_channel_that_nothing_reads_is_not_chosen() -> None:
    torch.manual_seed(0)
    activations = torch.rand(2, 3, 16, 16) * torch.tensor([1.0, 9.0, 1.0]).view(1, 3, 1, 1)
    following = torch.ones(2, 3, 3, 3)
    following[:, 1] = 0
    assert set(chosen_channels(activations, following, count=2, random=seeded())) == {0, 2}


def test_a_convolution_is_found_again_from_what_it_gives() -> None:
    torch.manual_seed(0)
    kernel, bias, features = torch.randn(4, 3, 3, 3), torch.randn(4), torch.rand(6, 3, 18, 18)
    regression = Regression(random=seeded())
    regression.add(features, functional.conv2d(features, kernel, bias), border=1)
    fit = regression.fit(keep_spread=False)
    assert torch.allclose(fit.kernel, kernel, atol=0.02)
    assert torch.allclose(fit.bias, bias, atol=0.05)


def test_features_may_be_larger_than_their_targets_on_all_sides() -> None:
    torch.manual_seed(0)
    kernel, features = torch.randn(2, 3, 3, 3), torch.rand(6, 3, 24, 24)
    targets = functional.conv2d(features, kernel)[:, :, 3:-3, 3:-3]
    regression = Regression(random=seeded())
    regression.add(features, targets, border=0)
    assert torch.allclose(regression.fit(keep_spread=False).kernel, kernel, atol=0.02)


def test_the_spread_of_the_targets_is_kept_where_patches_explain_only_a_part() -> None:
    torch.manual_seed(0)
    features, unknown = torch.rand(8, 2, 20, 20), torch.randn(8, 1, 18, 18)
    targets = functional.conv2d(features, torch.randn(1, 2, 3, 3)) + 0.5 * unknown
    regression = Regression(random=seeded())
    regression.add(features, targets, border=0)
    plain, kept = (
        functional.conv2d(features, fit.kernel, fit.bias)
        for fit in (regression.fit(keep_spread=False), regression.fit(keep_spread=True))
    )
    assert float(plain.std()) < 0.95 * float(targets.std())
    assert abs(float(kept.std()) / float(targets.std()) - 1) < 0.02
    assert abs(float(kept.mean()) - float(targets.mean())) < 0.02


def test_explained_is_one_of_the_thing_itself_and_none_of_its_mean() -> None:
    wanted = torch.rand(2, 3, 8, 8)
    assert explained(wanted, wanted) == 1
    assert abs(explained(wanted.mean(dim=(0, 2, 3), keepdim=True).expand_as(wanted), wanted)) < 1e-6
