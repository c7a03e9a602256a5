"""The arithmetic of adaptive instance normalisation."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tsn.train.networks.adain import EPSILON, Decoder, Encoder, adain, statistics


def test_statistics_are_the_mean_and_the_unbiased_deviation_of_each_channel() -> None:
    features = np.random.default_rng(0).normal(3, 2, (2, 5, 7, 11))
    mean, std = statistics(torch.from_numpy(features).float())
    flat = features.reshape(2, 5, -1)
    np.testing.assert_allclose(mean[..., 0, 0], flat.mean(-1), rtol=1e-5)
    np.testing.assert_allclose(std[..., 0, 0], np.sqrt(flat.var(-1, ddof=1) + EPSILON), rtol=1e-5)


def test_statistics_stay_exact_on_a_large_frame_with_a_mean_far_from_zero() -> None:
    """The mean of squares less the square of the mean, in float32, would give no correct digit here."""
    features = np.random.default_rng(1).normal(5000, 0.5, (1, 2, 540, 960)).astype(np.float32)
    _, std = statistics(torch.from_numpy(features))
    expected = np.sqrt(features.astype(np.float64).var((2, 3), ddof=1) + EPSILON)
    np.testing.assert_allclose(std[..., 0, 0], expected, rtol=1e-3)


def test_adain_gives_content_the_statistics_asked_for() -> None:
    torch.manual_seed(0)
    mean, std = torch.rand(1, 4, 1, 1) * 5, torch.rand(1, 4, 1, 1) + 0.5
    result = adain(torch.rand(3, 4, 20, 30) * 7, mean, std)
    found_mean, found_std = statistics(result)
    torch.testing.assert_close(found_mean, mean.expand(3, 4, 1, 1), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found_std, std.expand(3, 4, 1, 1), rtol=1e-3, atol=1e-3)


def test_adain_of_half_precision_features_is_computed_in_float32() -> None:
    features = (torch.rand(1, 2, 64, 64) * 400).half()
    result = adain(features, torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1))
    assert result.dtype == torch.float16
    assert bool(torch.isfinite(result).all())


@pytest.mark.parametrize(("height", "width"), [(9, 9), (16, 24), (17, 31)])
def test_features_have_an_eighth_of_the_size_rounded_up_and_the_decoder_eight_times_that(
    height: int, width: int
) -> None:
    with torch.inference_mode():
        features = Encoder()(torch.rand(1, 3, height, width))
        assert features.shape == (1, 512, -(-height // 8), -(-width // 8))
        assert Decoder()(features).shape == (1, 3, -(-height // 8) * 8, -(-width // 8) * 8)


def test_a_fresh_decoder_gives_grey_with_little_spread_and_passes_its_input_on() -> None:
    torch.manual_seed(0)
    decoder = Decoder()
    convolutions = [layer for layer in decoder.layers if isinstance(layer, torch.nn.Conv2d)]
    for layer in convolutions[:-1]:
        assert layer.weight.std().item() == pytest.approx((2 / layer.weight[0].numel()) ** 0.5, rel=0.05)
        assert not layer.bias.any()
    with torch.inference_mode():
        first, second = decoder(torch.randn(2, 512, 8, 8).relu())
    assert first.mean().item() == pytest.approx(0.5, abs=0.1)
    assert 0.03 < first.std() < 0.25
    assert first.min() > -0.5
    assert first.max() < 1.5
    assert (first - second).abs().mean() > 0.02  # torch's own initial weights: 0.0001
