"""The comparison of a small network with the full one, on networks whose answer is known."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from tsn.benchmarks.studies.lite_quality import grid, measured
from tsn.train.networks import studio
from tsn.train.networks.adain import Encoder
from tsn.train.networks.architectures import ARCHITECTURES
from tsn.train.networks.weights import Networks


class Nothing(nn.Module):
    """A decoder that gives black whatever comes."""

    def forward(self, features: Tensor, mean: Tensor, std: Tensor) -> Tensor:
        return torch.zeros(len(features), 3, features.shape[2] * 8, features.shape[3] * 8)


@pytest.fixture(scope="module")
def judge() -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder().eval()
    for parameter in encoder.parameters():
        if parameter.ndim == 4:
            nn.init.kaiming_normal_(parameter)
    return encoder


def test_a_network_against_itself_is_equal_and_against_black_far_better(
    tiny_networks: Networks, judge: Encoder
) -> None:
    torch.manual_seed(0)
    contents, styles = [torch.rand(1, 3, 40, 48)], [torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 40)]
    black = dataclasses.replace(tiny_networks, decoder=Nothing())
    (first, second, worse), outputs = measured([tiny_networks, tiny_networks, black], judge, contents, styles)
    assert first == second
    assert all(value > 0 for value in vars(first).values())
    assert worse.style > 1.2 * first.style
    assert worse.gram > 1.2 * first.gram
    assert [output.shape for output in outputs[0][0]] == [(1, 3, 40, 48)] * 2
    assert all(float(output.min()) >= 0 and float(output.max()) <= 1 for output in outputs[0][0])


def test_vgg_encodes_styles_where_a_network_takes_its_statistics(judge: Encoder) -> None:
    torch.manual_seed(0)
    encoder, decoder = studio.Encoder().eval(), studio.Decoder().eval()
    networks = Networks(architecture=ARCHITECTURES["studio"], encoder=encoder, decoder=decoder)
    contents, styles = [torch.rand(1, 3, 40, 48)], [torch.rand(1, 3, 32, 32)]
    (own,), _ = measured([networks], judge, contents, styles)
    (by_vgg,), _ = measured([networks], judge, contents, styles, vgg_styles=True)
    assert own.style != by_vgg.style


def test_the_grid_has_a_row_for_each_content_and_a_column_for_each_style() -> None:
    contents, styles = [torch.zeros(1, 3, 20, 30)] * 2, [torch.full((1, 3, 24, 24), 1.0)] * 3
    sheet = grid(contents, styles, [[torch.full((1, 3, 20, 30), 0.5)] * 3] * 2, side=16)
    assert sheet.size == (64, 48)
    assert sheet.getpixel((24, 8)) == (255, 255, 255)
    assert sheet.getpixel((8, 24)) == (0, 0, 0)
    assert sheet.getpixel((60, 44)) == (128, 128, 128)
