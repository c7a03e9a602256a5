"""The lightweight networks: how much they compute, what sizes they take, how they start."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tsn.train.networks import lite
from tsn.train.networks.adain import adain, statistics


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Of all convolutions together, from the sizes that they are called with."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*inputs)
    counts = counter.get_flop_counts()["Global"]
    return sum(count for kind, count in counts.items() if "convolution" in str(kind)) // 2


def decoded(decoder: lite.Decoder, features: torch.Tensor) -> torch.Tensor:
    return decoder(features, *statistics(features))


def learnt(network: nn.Module) -> None:
    """Random weights everywhere, so that nothing is left out because it begins at 0."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.1)


def test_both_networks_together_take_no_more_than_12000_multiply_adds_for_a_pixel() -> None:
    encoder, decoder = lite.Encoder(), lite.Decoder()
    total = multiply_adds(encoder, torch.rand(1, 3, 480, 864)) + multiply_adds(
        decoder, torch.rand(1, 64, 120, 216), *torch.ones(2, 1, 64, 1, 1)
    )
    assert round(total / (480 * 864)) == 11_263


def test_the_weights_stay_below_eight_megabytes() -> None:
    count = sum(
        value.numel() for network in (lite.Encoder(), lite.Decoder()) for value in network.state_dict().values()
    )
    assert count * 4 < 8e6


@pytest.mark.parametrize(("height", "width"), [(9, 9), (12, 9), (64, 64), (61, 85), (16, 200)])
def test_any_size_from_nine_pixels_on_comes_back_at_least_as_large(height: int, width: int) -> None:
    features = lite.Encoder()(torch.rand(1, 3, height, width))
    assert features.shape == (1, lite.Encoder.channels, -(-height // 4), -(-width // 4))
    output = decoded(lite.Decoder(), features)
    assert output.shape[2] >= height
    assert output.shape[3] >= width


def test_padding_does_not_move_the_picture() -> None:
    torch.manual_seed(0)
    encoder, decoder = lite.Encoder(), lite.Decoder()
    wide = torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        features = encoder(wide)
        whole = decoder(features, *statistics(features))[..., :16, :16]
        part = decoder(encoder(wide[..., :125, :125]), *statistics(features))[..., :16, :16]
    assert torch.allclose(whole, part, atol=1e-5)  # the far corner is out of the first pixels' reach


def test_flat_features_give_a_flat_picture_whatever_was_learnt() -> None:
    torch.manual_seed(0)
    decoder = lite.Decoder()
    learnt(decoder)
    with torch.no_grad():
        output = decoded(decoder, torch.rand(1, 64, 1, 1).expand(1, 64, 6, 6))
        varied = decoded(decoder, torch.rand(1, 64, 6, 6))
    assert float((output - output[..., :1, :1]).abs().max()) < 1e-4 * float(output.abs().max())
    assert float((varied - varied[..., :1, :1]).abs().max()) > 0.1 * float(varied.abs().max())


def test_the_decoder_knows_the_style_only_through_its_statistics() -> None:
    torch.manual_seed(0)
    encoder, decoder = lite.Encoder(), lite.Decoder()
    content, style = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 40, 40)
    with torch.no_grad():
        features, own, other = encoder(content), statistics(encoder(content)), statistics(encoder(style * 0.3))
        plain = decoder(adain(features, *own), *own)
        styled = decoder(adain(features, *other), *other)
    assert float((plain - styled).abs().mean()) > 1e-4


def test_a_style_changes_scales_shifts_and_kernels_once_they_have_been_learnt() -> None:
    torch.manual_seed(0)
    decoder = lite.Decoder()
    features, other = torch.rand(1, 64, 12, 12), statistics(torch.rand(1, 64, 12, 12) * 3)
    with torch.no_grad():
        assert torch.equal(decoded(decoder, features), decoder(features, *other))  # before it has learnt anything
        nn.init.normal_(decoder.conditioning.modulation.weight, std=0.1)
        modulated = decoded(decoder, features) - decoder(features, *other)
        nn.init.zeros_(decoder.conditioning.modulation.weight)
        for block in decoder.blocks:
            nn.init.normal_(block.first.variants, std=0.3)
        with_first_kernels = decoded(decoder, features) - decoder(features, *other)
        for block in decoder.blocks:
            nn.init.zeros_(block.first.variants)
            nn.init.normal_(block.second.variants, std=0.3)
        with_second_kernels = decoded(decoder, features) - decoder(features, *other)
    assert float(modulated.abs().max()) > 0.01
    assert float(with_first_kernels.abs().max()) > 0.01
    assert float(with_second_kernels.abs().max()) > 0.01


def test_two_styles_in_one_batch_are_decoded_as_each_alone() -> None:
    torch.manual_seed(0)
    decoder, features = lite.Decoder(), torch.rand(2, 64, 8, 8)
    learnt(decoder)
    with torch.no_grad():
        both, alone = decoded(decoder, features), [decoded(decoder, one) for one in features.split(1)]
    assert torch.allclose(both, torch.cat(alone), atol=1e-5 * float(both.abs().max()))
