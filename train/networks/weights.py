"""Reads weights: each kind is recognised by its keys and shapes, whatever the file is called."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from tsn.runtime.bundle.folder import sha256
from tsn.runtime.errors import InputError, UnavailableError
from tsn.train.networks.adain import Decoder, Encoder
from tsn.train.networks.architectures import ARCHITECTURES, Architecture
from tsn.train.networks.torch_file import read_torch_file

CHECKPOINT_FORMAT = "tsn-checkpoint"
CHECKPOINT_VERSION = 1  # raised when a checkpoint can no longer be read by older versions

# Where the convolutions stand in the Sequential of each kind, from the input to relu4_1.
TORCHVISION_LAYERS = (0, 2, 5, 7, 10, 12, 14, 16, 19)  # of vgg19().features
NORMALISED_LAYERS = (0, 2, 5, 9, 12, 16, 19, 22, 25, 29)  # of pytorch-AdaIN's vgg, which begins with a 1x1 convolution
DECODER_LAYERS = (1, 5, 8, 11, 14, 18, 21, 25, 28)  # of pytorch-AdaIN's decoder

# torchvision's VGG-19 expects RGB in 0..1, less this mean and divided by this deviation.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

State = Mapping[str, Tensor]
READABLE = (
    "torchvision's vgg19 (IMAGENET1K_V1), pytorch-AdaIN's vgg_normalised.pth (whole or cut at relu4_1) or decoder.pth, "
    "or a checkpoint of tsn-train"
)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights in a file: of an encoder, of a decoder, or of both."""

    kind: str  # for people
    architecture: Architecture
    encoder: State | None = None
    decoder: State | None = None


@dataclass(frozen=True, kw_only=True)
class Networks:
    """An encoder and its decoder, in eval mode and float32 on the CPU."""

    architecture: Architecture
    encoder: nn.Module
    decoder: nn.Module
    sources: Mapping[str, str] = field(default_factory=dict)  # "encoder", "decoder": a file name and its sha256


def load_networks(encoder: Path | None, decoder: Path) -> Networks:
    """Load networks from one file each; without an encoder torchvision downloads its VGG-19.

    A checkpoint may serve as either.

    Raises:
        InputError: a file is missing, damaged, of another kind, or the two do not belong together.
        UnavailableError: the download failed.
    """
    second = read_weights(decoder)
    first = read_weights(encoder) if encoder is not None else downloaded_vgg19()
    if first.encoder is None:
        raise InputError(f"{encoder} holds {first.kind}, an encoder is needed. Give it with --decoder instead")
    if second.decoder is None:
        raise InputError(f"{decoder} holds {second.kind}, a decoder is needed. Give it with --encoder instead")
    if first.architecture != second.architecture:
        raise InputError(
            f"the encoder is {first.architecture.name}, the decoder {second.architecture.name}: give two of one kind"
        )
    return _networks(
        first.architecture,
        first.encoder,
        second.decoder,
        {"encoder": _source(encoder) if encoder is not None else first.kind, "decoder": _source(decoder)},
    )


def load_checkpoint(checkpoint: Path) -> Networks:
    """Load the networks of a checkpoint of tsn-train. Raises InputError."""
    weights = read_weights(checkpoint)
    if weights.encoder is None or weights.decoder is None:
        missing = "--encoder" if weights.encoder is None else "--decoder"
        given = "--decoder" if weights.encoder is None else "--encoder"
        raise InputError(
            f"{checkpoint} holds {weights.kind}, not a checkpoint with both networks. "
            f"Give it with {given}, and the other half with {missing}"
        )
    source = _source(checkpoint)
    return _networks(weights.architecture, weights.encoder, weights.decoder, {"encoder": source, "decoder": source})


def load_encoder(path: Path | None = None) -> nn.Module:
    """Load an encoder alone, in eval mode, such as the judge of the training; without a file it is downloaded."""
    weights = read_weights(path) if path is not None else downloaded_vgg19()
    if weights.encoder is None:
        raise InputError(f"{path} holds {weights.kind}, an encoder is needed: {READABLE}")
    encoder = weights.architecture.encoder()
    encoder.load_state_dict(weights.encoder)
    return encoder.eval()


def read_weights(path: Path) -> Weights:
    """Read the weights in a file, under this project's names, in float32.

    Raises InputError: missing, damaged, not of torch, of another kind, of other shapes, or with values that are not
    finite.
    """
    content = read_torch_file(path, expected=READABLE)
    if isinstance(content, Mapping) and content.get("format") == CHECKPOINT_FORMAT:
        weights = _from_checkpoint(path, content)
    else:
        weights = _from_state(path, content)
    for half, state in (("encoder", weights.encoder), ("decoder", weights.decoder)):
        for name, tensor in (state or {}).items():
            if not bool(torch.isfinite(tensor).all()):
                raise InputError(f"{path}: {name} of the {half} holds NaN or infinity. Take an earlier checkpoint")
    return weights


def downloaded_vgg19() -> Weights:
    """Load torchvision's VGG-19 from its cache, or download it there. Raises UnavailableError."""
    from tsn.train.networks.vision import torchvision  # here: seconds of import that few need

    kind = torchvision.models.VGG19_Weights.IMAGENET1K_V1
    try:
        state = kind.get_state_dict(progress=False, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise UnavailableError(
            f"VGG-19 cannot be downloaded from {kind.url} ({error}). Fetch it on another machine and give it with "
            "--encoder vgg19-dcbb9e9d.pth"
        ) from error
    return Weights(
        kind="torchvision's vgg19 (IMAGENET1K_V1)",
        architecture=ARCHITECTURES["adain-vgg19"],
        encoder=_vgg19_of_torchvision(state),
    )


def _from_checkpoint(path: Path, content: Mapping[str, Any]) -> Weights:
    if content.get("version") != CHECKPOINT_VERSION:
        raise InputError(
            f"{path} is a checkpoint of version {content.get('version')}, this program reads {CHECKPOINT_VERSION}. "
            "Install a newer version of temporalstylenet"
        )
    name = content.get("architecture")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise InputError(f"{path} is of the architecture '{name}', known are: {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    model = content.get("model")
    halves: dict[str, State] = {}
    for half, build in (("encoder", architecture.encoder), ("decoder", architecture.decoder)):
        state = model.get(half) if isinstance(model, Mapping) else None
        if not _is_state(state):
            raise InputError(f"{path} is a checkpoint without weights of the {half}. Save it again with tsn-train")
        halves[half] = _fitting(path, f"its {half}", build, state)
    return Weights(kind=f"a checkpoint of {name}", architecture=architecture, **halves)


def _from_state(path: Path, content: Any) -> Weights:
    vgg19 = ARCHITECTURES["adain-vgg19"]
    if not _is_state(content):
        raise InputError(f"{path} holds {_described(content)}. Expected: {READABLE}")
    keys = set(content)
    if _keys("features.{}", TORCHVISION_LAYERS) <= keys:
        state = _fitting(path, "torchvision's vgg19", Encoder, _vgg19_of_torchvision(content))
        return Weights(kind="an encoder, torchvision's vgg19", architecture=vgg19, encoder=state)
    if _keys("{}", NORMALISED_LAYERS) <= keys:
        state = _renamed(content, "{}", NORMALISED_LAYERS, Encoder)
        state = _fitting(path, "vgg_normalised", Encoder, state)
        return Weights(kind="an encoder, pytorch-AdaIN's vgg_normalised", architecture=vgg19, encoder=state)
    if keys == _keys("{}", DECODER_LAYERS):
        state = _fitting(path, "decoder", Decoder, _renamed(content, "{}", DECODER_LAYERS, Decoder))
        return Weights(kind="a decoder of pytorch-AdaIN", architecture=vgg19, decoder=state)
    raise InputError(f"{path} holds {_described(content)}. Expected: {READABLE}")


def _vgg19_of_torchvision(state: State) -> State:
    """Return Encoder's weights. The input's normalisation becomes its 1x1 convolution, exactly: that comes first."""
    std = torch.tensor(IMAGENET_STD)
    normalisation = {
        "0.weight": torch.diag(1 / std).reshape(3, 3, 1, 1),
        "0.bias": -torch.tensor(IMAGENET_MEAN) / std,
    }
    layers = {
        f"{new}.{part}": state[f"features.{old}.{part}"]
        for new, old in zip(NORMALISED_LAYERS[1:], TORCHVISION_LAYERS, strict=True)
        for part in ("weight", "bias")
    }
    return _renamed({**normalisation, **layers}, "{}", NORMALISED_LAYERS, Encoder)


def _renamed(state: State, pattern: str, layers: tuple[int, ...], build: Callable[[], nn.Module]) -> State:
    """Return the convolutions at `layers` under the names of `build`, which has them in the same order."""
    tensors = [state[f"{pattern.format(layer)}.{part}"] for layer in layers for part in ("weight", "bias")]
    return dict(zip(_blank(build), tensors, strict=True))


def _fitting(path: Path, what: str, build: Callable[[], nn.Module], state: State) -> State:
    """Return `state` in float32. Raises InputError if its names or shapes are not those of `build`."""
    expected = _blank(build)
    for name in expected.keys() - state.keys():
        raise InputError(f"{path}: {what} lacks {name}. Expected: {READABLE}")
    for name in state.keys() - expected.keys():
        raise InputError(f"{path}: {what} has an unknown {name}. Expected: {READABLE}")
    for name, blank in expected.items():
        if state[name].shape != blank.shape:
            raise InputError(
                f"{path}: {what} has {name} of shape {tuple(state[name].shape)}, expected is {tuple(blank.shape)}"
            )
        if not state[name].is_floating_point():
            raise InputError(f"{path}: {what} has {name} of {state[name].dtype}, expected are floating-point numbers")
    return {name: state[name].float() for name in expected}


def _blank(build: Callable[[], nn.Module]) -> State:
    with torch.device("meta"):  # names and shapes, no memory
        return build().state_dict()


def _keys(pattern: str, layers: tuple[int, ...]) -> set[str]:
    return {f"{pattern.format(layer)}.{part}" for layer in layers for part in ("weight", "bias")}


def _is_state(content: Any) -> TypeGuard[State]:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items())
    )


def _described(content: Any) -> str:
    if isinstance(content, Tensor):
        return f"one tensor of shape {tuple(content.shape)}"
    if not isinstance(content, Mapping):
        return f"an object of type {type(content).__name__}"
    if not _is_state(content):
        return f"a dict with the keys {', '.join(map(repr, list(content)[:5]))}" if content else "an empty dict"
    name, tensor = next(iter(content.items()))
    return f"{len(content)} tensors, the first {name} of shape {tuple(tensor.shape)}"


def _source(path: Path) -> str:
    return f"{path.name} {sha256(path)}"


def _networks(
    architecture: Architecture, encoder_state: State, decoder_state: State, sources: Mapping[str, str]
) -> Networks:
    encoder, decoder = architecture.encoder(), architecture.decoder()
    encoder.load_state_dict(encoder_state)
    decoder.load_state_dict(decoder_state)
    return Networks(architecture=architecture, encoder=encoder.eval(), decoder=decoder.eval(), sources=sources)
