"""The studio networks: how much they compute, what sizes they take, how a style changes them."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from tsn.train.fitting.least_squares import as_doubling
from tsn.train.networks import studio
from tsn.train.networks.adain import adain, statistics


def decoded(decoder: studio.Decoder, features: torch.Tensor) -> torch.Tensor:
    return decoder(features, *statistics(features))


def learnt(network: nn.Module) -> None:
    """Random weights where they begin at 0."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not bool(parameter.any()):
                parameter.copy_(torch.randn_like(parameter) * 0.02)


def test_both_networks_together_take_no_more_than_80000_multiply_adds_for_a_pixel() -> None:
    encoder, decoder = studio.Encoder(), studio.Decoder()
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder.to("meta")(torch.rand(1, 3, 1080, 1920))
        decoder.to("meta")(torch.rand(1, 512, 135, 240), *torch.ones(2, 1, 512, 1, 1))
    assert round(counter.get_total_flops() / 2 / (1080 * 1920)) == 77_345


def test_style_and_stylize_take_less_than_16_megabytes_together() -> None:
    encoder, decoder = (
        sum(parameter.numel() for parameter in network.parameters()) for network in (studio.Encoder(), studio.Decoder())
    )
    assert (2 * encoder + decoder) * 4 < 15.6e6


@pytest.mark.parametrize(("height", "width"), [(9, 9), (8, 16), (64, 64), (61, 85), (16, 200)])
def test_any_size_comes_back_at_least_as_large(height: int, width: int) -> None:
    features = studio.Encoder()(torch.rand(1, 3, height, width))
    assert features.shape == (1, studio.CHANNELS, -(-height // 8), -(-width // 8))
    assert decoded(studio.Decoder(), features).shape == (1, 3, 8 * features.shape[2], 8 * features.shape[3])


def test_flat_features_give_a_flat_picture_whatever_was_learnt() -> None:
    torch.manual_seed(0)
    decoder = studio.Decoder()
    learnt(decoder)
    with torch.no_grad():
        output = decoded(decoder, torch.rand(1, 512, 1, 1).expand(1, 512, 6, 6))
    assert float((output - output[..., :1, :1]).abs().max()) < 1e-4 * float(output.abs().max())


def test_a_doubling_of_equal_phases_is_nearest_upsampling_and_a_convolution() -> None:
    torch.manual_seed(0)
    layer = studio.StyledDoubling(3, 2)
    kernel, features = torch.rand(2, 3, 3, 3), torch.rand(1, 3, 6, 7)
    with torch.no_grad():
        layer.weight.copy_(as_doubling(kernel))
        found = layer(features, torch.ones(1, 2), torch.zeros(1, 2), torch.zeros(1, 0))
        wanted = functional.conv2d(functional.interpolate(features, scale_factor=2.0, mode="nearest"), kernel)
    assert found.shape == wanted.shape
    assert torch.allclose(found, wanted, atol=1e-5)


def test_two_styles_in_one_batch_are_decoded_as_each_alone() -> None:
    torch.manual_seed(0)
    decoder, features = studio.Decoder(), torch.rand(2, 512, 4, 4)
    learnt(decoder)
    with torch.no_grad():
        both, alone = decoded(decoder, features), [decoded(decoder, one) for one in features.split(1)]
    assert torch.allclose(both, torch.cat(alone), atol=1e-4 * float(both.abs().max()))


def test_a_style_changes_scales_shifts_and_kernels_once_they_have_been_learnt() -> None:
    torch.manual_seed(0)
    decoder = studio.Decoder()
    features = torch.rand(1, 512, 4, 4)
    own, other = statistics(features), statistics(torch.rand(1, 512, 4, 4) * 3)
    with torch.no_grad():
        assert torch.equal(decoder(features, *own), decoder(features, *other))  # before it has learnt anything
        nn.init.normal_(decoder.conditioning.modulation.weight, std=0.02)
        modulated = decoder(features, *own) - decoder(features, *other)
        nn.init.zeros_(decoder.conditioning.modulation.weight)
        for layer in decoder.styled:
            if layer.variants is not None:
                nn.init.normal_(layer.variants, std=0.02)
        mixed = decoder(features, *own) - decoder(features, *other)
    assert float(modulated.abs().max()) > 1e-3
    assert float(mixed.abs().max()) > 1e-3


def test_adain_hands_the_decoder_the_statistics_of_the_style() -> None:
    torch.manual_seed(0)
    encoder = studio.Encoder()
    with torch.no_grad():
        features, style = encoder(torch.rand(1, 3, 40, 48)), statistics(torch.rand(1, 512, 4, 4))
        found = statistics(adain(features + torch.rand_like(features), *style))
    assert torch.allclose(found[0], style[0], atol=1e-4)
    assert torch.allclose(found[1], style[1], atol=1e-2)
