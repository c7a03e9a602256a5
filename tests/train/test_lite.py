"""The lightweight networks: how much they compute, what sizes they take, how they start."""

import pytest
import torch
from torch import nn

from tsn.train import lite
from tsn.train.model import adain, statistics


def multiply_adds(network: nn.Module, *inputs: torch.Tensor) -> int:
    """Counted from the shapes that the convolutions really produce."""
    total = 0

    def count(layer: nn.Conv2d | lite.Doubling, _inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        places = output.shape[2] * output.shape[3]
        total += places * layer.weight.numel() // (4 if isinstance(layer, lite.Doubling) else 1)

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | lite.Doubling):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(*inputs)
    return total


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
    assert round(total / (480 * 864)) == 10_729


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


def test_a_style_modulates_every_residual_block_and_the_enlargement_once_it_has_been_learnt() -> None:
    torch.manual_seed(0)
    decoder = lite.Decoder()
    features, other = torch.rand(1, 64, 12, 12), statistics(torch.rand(1, 64, 12, 12) * 3)
    with torch.no_grad():
        assert torch.equal(decoded(decoder, features), decoder(features, *other))  # before it has learnt anything
    learnt(decoder)
    modulations = decoder.modulation(*other)
    assert len(modulations) == 5
    assert all(scale.shape == shift.shape == (1, 32, 1, 1) for scale, shift in modulations)
    with torch.no_grad():
        assert float((decoded(decoder, features) - decoder(features, *other)).abs().max()) > 0.01


def test_two_styles_in_one_batch_are_decoded_as_each_alone() -> None:
    torch.manual_seed(0)
    decoder, features = lite.Decoder(), torch.rand(2, 64, 8, 8)
    learnt(decoder)
    with torch.no_grad():
        both, alone = decoded(decoder, features), [decoded(decoder, one) for one in features.split(1)]
    assert torch.allclose(both, torch.cat(alone), atol=1e-4)
