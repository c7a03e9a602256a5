"""Every kind of weights that can be read, and what is said of the others."""

from collections.abc import Mapping
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from tsn.runtime.errors import InputError, UnavailableError
from tsn.train.networks import weights
from tsn.train.networks.adain import Decoder, Encoder
from tsn.train.networks.vision import torchvision


def convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(1), nn.Conv2d(inputs, outputs, 3), nn.ReLU()]


def pool() -> nn.Module:
    return nn.MaxPool2d(2, 2, 0, ceil_mode=True)


def published_vgg() -> nn.Sequential:
    """The 53 layers of pytorch-AdaIN's net.py: `vgg`, whose state dict is vgg_normalised.pth."""
    layers: list[nn.Module] = [nn.Conv2d(3, 3, 1)]
    channels = 3
    for width, depth in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(depth):
            layers += convolution(channels, width)
            channels = width
        layers.append(pool())
    return nn.Sequential(*layers[:-1])


def published_decoder() -> nn.Sequential:
    """The 29 layers of pytorch-AdaIN's net.py: `decoder`."""
    upsample = [nn.Upsample(scale_factor=2, mode="nearest")]
    layers = [*convolution(512, 256), *upsample]
    layers += [
        *convolution(256, 256),
        *convolution(256, 256),
        *convolution(256, 256),
        *convolution(256, 128),
        *upsample,
    ]
    layers += [*convolution(128, 128), *convolution(128, 64), *upsample, *convolution(64, 64), *convolution(64, 3)]
    return nn.Sequential(*layers[:-1])


def torchvision_vgg19() -> nn.ModuleDict:
    """torchvision's vgg19 but for its classifier, which is large and not read."""
    layers = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    return nn.ModuleDict({"features": layers, "classifier": nn.Linear(2, 2)}).eval()


@pytest.fixture(scope="module")
def vgg() -> nn.Sequential:
    torch.manual_seed(0)
    return published_vgg().eval()


@pytest.fixture(scope="module")
def decoder() -> nn.Sequential:
    torch.manual_seed(1)
    return published_decoder().eval()


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def loaded_encoder(path: Path) -> nn.Module:
    return weights.load_encoder(path)


def checkpoint(encoder: Mapping[str, Tensor], decoder: Mapping[str, Tensor]) -> dict[str, object]:
    return {
        "format": "tsn-checkpoint",
        "version": 1,
        "architecture": "adain-vgg19",
        "model": {"encoder": encoder, "decoder": decoder},
        "step": 3,
    }


@pytest.mark.parametrize("size", [(40, 56), (37, 51), (9, 9)])
def test_the_encoder_computes_what_the_published_network_computes(
    vgg: nn.Sequential, tmp_path: Path, size: tuple[int, int]
) -> None:
    encoder = loaded_encoder(saved(tmp_path / "vgg_normalised.pth", vgg.state_dict()))
    images = torch.rand(2, 3, *size)
    with torch.inference_mode():
        assert torch.equal(encoder(images), vgg[:31](images))


def test_the_encoder_gives_the_published_activations_at_every_stage(vgg: nn.Sequential, tmp_path: Path) -> None:
    encoder = loaded_encoder(saved(tmp_path / "vgg_normalised.pth", vgg.state_dict()))
    assert isinstance(encoder, Encoder)
    images = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        for features, end in zip(encoder.features(images), (4, 11, 18, 31), strict=True):
            assert torch.equal(features, vgg[:end](images))


def test_a_file_cut_at_relu4_1_gives_the_same_encoder_as_the_whole(vgg: nn.Sequential, tmp_path: Path) -> None:
    whole = loaded_encoder(saved(tmp_path / "whole.pth", vgg.state_dict())).state_dict()
    cut = loaded_encoder(saved(tmp_path / "cut.pth", vgg[:31].state_dict())).state_dict()
    assert whole.keys() == cut.keys()
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_the_decoder_computes_what_the_published_network_computes(
    vgg: nn.Sequential, decoder: nn.Sequential, tmp_path: Path
) -> None:
    networks = weights.load_networks(
        saved(tmp_path / "vgg.pth", vgg.state_dict()), saved(tmp_path / "decoder.pth", decoder.state_dict())
    )
    features = torch.rand(1, 512, 3, 5)
    with torch.inference_mode():
        assert torch.equal(networks.decoder(features), decoder(features))
    assert networks.architecture.name == "adain-vgg19"
    assert not networks.encoder.training
    assert networks.sources["decoder"].startswith("decoder.pth ")
    assert len(networks.sources["encoder"].split()[1]) == 64


def test_the_normalisation_of_torchvision_is_folded_into_the_input_convolution(tmp_path: Path) -> None:
    torch.manual_seed(2)
    vgg19 = torchvision_vgg19()
    encoder = loaded_encoder(saved(tmp_path / "vgg19.pth", vgg19.state_dict()))
    images = torch.rand(1, 3, 128, 128)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.inference_mode():
        expected = vgg19["features"][:21]((images - mean.view(3, 1, 1)) / std.view(3, 1, 1))
        found = encoder(images)
    assert found.shape == expected.shape
    inner = (..., slice(6, -6), slice(6, -6))  # 48 pixels from the edges, where torchvision pads with zeros
    scale = float(expected[inner].abs().max())
    assert float((found[inner] - expected[inner]).abs().max()) < 1e-4 * scale
    assert not torch.allclose(found, expected, atol=1e-4 * scale)  # the edges do differ


def test_without_a_file_torchvision_is_asked_for_its_vgg19(monkeypatch: pytest.MonkeyPatch) -> None:
    vgg19 = torchvision_vgg19()
    kind = type(torchvision.models.VGG19_Weights.IMAGENET1K_V1)
    monkeypatch.setattr(kind, "get_state_dict", lambda self, **options: vgg19.state_dict())
    encoder = weights.load_encoder()
    assert torch.equal(encoder.state_dict()["stages.3.7.weight"], vgg19.state_dict()["features.19.weight"])


def test_without_a_network_the_line_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(self: object, **options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(type(torchvision.models.VGG19_Weights.IMAGENET1K_V1), "get_state_dict", offline)
    with pytest.raises(UnavailableError, match=r"vgg19-dcbb9e9d\.pth.*no route to host.*--encoder"):
        weights.load_encoder()


def test_a_checkpoint_of_this_project_gives_both_networks(tmp_path: Path) -> None:
    torch.manual_seed(3)
    encoder, decoder = Encoder(), Decoder()
    file = saved(tmp_path / "last.pth", checkpoint(encoder.state_dict(), decoder.state_dict()))
    networks = weights.load_checkpoint(file)
    for network, source in ((networks.encoder, encoder), (networks.decoder, decoder)):
        state = network.state_dict()
        assert all(torch.equal(state[name], tensor) for name, tensor in source.state_dict().items())
    assert networks.sources["encoder"] == networks.sources["decoder"]


def test_integers_are_no_weights(vgg: nn.Sequential, tmp_path: Path) -> None:
    state = dict(vgg[:31].state_dict())
    state["2.weight"] = state["2.weight"].long()
    with pytest.raises(InputError, match=r"torch\.int64, expected are floating-point numbers"):
        weights.read_weights(saved(tmp_path / "integers.pth", state))


def test_half_precision_weights_are_read_as_float32(vgg: nn.Sequential, tmp_path: Path) -> None:
    state = {name: tensor.half() for name, tensor in vgg[:31].state_dict().items()}
    encoder = loaded_encoder(saved(tmp_path / "half.pth", state))
    assert {tensor.dtype for tensor in encoder.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"module.conv1.weight": torch.zeros(4, 3, 7, 7)}, r"1 tensors, the first module\.conv1\.weight of shape"),
        ({"epoch": 3, "net": {}}, "a dict with the keys 'epoch', 'net'"),
        ({}, "an empty dict"),
        (torch.zeros(2, 3), r"one tensor of shape \(2, 3\)"),
        ([1, 2], "an object of type list"),
    ],
)
def test_foreign_content_is_told_in_one_line_with_what_is_expected(tmp_path: Path, content: object, found: str) -> None:
    with pytest.raises(InputError, match=rf"{found}.*Expected: torchvision's vgg19") as caught:
        weights.read_weights(saved(tmp_path / "foreign.pth", content))
    assert "\n" not in str(caught.value)


def test_a_convolution_of_another_shape_is_named(vgg: nn.Sequential, tmp_path: Path) -> None:
    state = dict(vgg[:31].state_dict()) | {"9.weight": torch.zeros(96, 64, 3, 3)}
    with pytest.raises(InputError, match=r"shape \(96, 64, 3, 3\), expected is \(128, 64, 3, 3\)"):
        weights.read_weights(saved(tmp_path / "wide.pth", state))


def test_weights_that_are_not_finite_are_refused(decoder: nn.Sequential, tmp_path: Path) -> None:
    state = {name: tensor.clone() for name, tensor in decoder.state_dict().items()}
    state["14.weight"][3, 2, 1, 0] = float("nan")
    with pytest.raises(InputError, match="of the decoder holds NaN or infinity"):
        weights.read_weights(saved(tmp_path / "nan.pth", state))


def test_swapped_files_are_told_apart(vgg: nn.Sequential, decoder: nn.Sequential, tmp_path: Path) -> None:
    first = saved(tmp_path / "vgg.pth", vgg[:31].state_dict())
    second = saved(tmp_path / "decoder.pth", decoder.state_dict())
    with pytest.raises(InputError, match=r"holds an encoder.*Give it with --encoder"):
        weights.load_networks(first, first)
    with pytest.raises(InputError, match=r"holds a decoder.*Give it with --decoder"):
        weights.load_networks(second, second)
    with pytest.raises(InputError, match=r"not a checkpoint with both networks"):
        weights.load_checkpoint(first)


def test_damaged_checkpoints_name_what_is_wrong(tmp_path: Path) -> None:
    good = checkpoint(Encoder().state_dict(), Decoder().state_dict())
    cases: list[tuple[dict[str, object], str]] = [
        ({"version": 9}, "version 9, this program reads 1. Install a newer version"),
        ({"architecture": "unknown"}, "architecture 'unknown', known are: adain-vgg19"),
        ({"architecture": 7}, "architecture '7'"),
        ({"model": {"encoder": Encoder().state_dict()}}, "without weights of the decoder"),
        ({"model": None}, "without weights of the encoder"),
    ]
    for change, said in cases:
        with pytest.raises(InputError, match=said):
            weights.read_weights(saved(tmp_path / "checkpoint.pth", good | change))
    decoder = dict(Decoder().state_dict())
    decoder["extra"] = torch.zeros(1)
    with pytest.raises(InputError, match="its decoder has an unknown extra"):
        weights.read_weights(saved(tmp_path / "checkpoint.pth", checkpoint(Encoder().state_dict(), decoder)))
    del decoder["extra"], decoder["layers.0.bias"]
    with pytest.raises(InputError, match=r"its decoder lacks layers\.0\.bias"):
        weights.read_weights(saved(tmp_path / "checkpoint.pth", checkpoint(Encoder().state_dict(), decoder)))


def test_the_published_weights_load_and_their_autoencoding_resembles_the_photo(real_data: Path) -> None:
    from tsn.runtime.pictures.reader import read_picture

    folder = real_data / "weights"
    networks = weights.load_networks(folder / "vgg19_normalised_to_relu4_1.pth", folder / "adain_decoder_relu4_1.pth")
    photo = read_picture(sorted((real_data / "photos" / "kodak").iterdir())[0], shorter_side=128)
    images = torch.from_numpy(photo.copy())[None].permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        again = networks.decoder(networks.encoder(images))[:, :, : images.shape[2], : images.shape[3]]
    psnr = -10 * float(torch.log10((again.clamp(0, 1) - images).square().mean()))
    assert psnr > 16
