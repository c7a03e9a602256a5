"""Weights of RAFT: torchvision's own, a file of the same, or a checkpoint of the original authors."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from torch import Tensor, nn

from tsn.runtime.errors import InputError, UnavailableError
from tsn.train.networks.torch_file import read_torch_file
from tsn.train.networks.vision import torchvision

RaftKind = Literal["raft-small", "raft-large"]

_flow_models: Any = torchvision.models.optical_flow
BUILDERS: Mapping[RaftKind, Callable[..., nn.Module]] = {
    "raft-small": _flow_models.raft_small,
    "raft-large": _flow_models.raft_large,
}
PUBLISHED: Mapping[RaftKind, Any] = {
    "raft-small": _flow_models.Raft_Small_Weights.DEFAULT,
    "raft-large": _flow_models.Raft_Large_Weights.DEFAULT,
}
READABLE = "torchvision's raft_small or raft_large, or a checkpoint of the original authors (keys begin with module.)"

# How the original names the parts of torchvision's modules, tried in this order.
_RENAMED = (
    (r"^(module\.)?", ""),
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"update_block\.encoder\.conv\.", r"update_block.motion_encoder.conv.0."),
    (r"update_block\.gru\.conv([zrq])\.", r"update_block.recurrent_block.convgru1.conv\1."),
    (r"update_block\.gru\.conv([zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"update_block\.mask\.2\.", "mask_predictor.conv."),
)


def load_raft(kind: RaftKind, file: Path | None = None) -> nn.Module:
    """Load the network `kind` with its weights, in evaluation mode.

    Args:
        kind: which of the two.
        file: its weights; torchvision downloads its own where None.

    Raises:
        InputError: the file is missing, damaged, or of another kind.
        UnavailableError: the download failed.
    """
    if file is None:
        try:
            return BUILDERS[kind](weights=PUBLISHED[kind]).eval()
        except OSError as error:
            raise UnavailableError(
                f"the weights of {kind} cannot be downloaded ({error}). Give a file: --flow-weights FILE"
            ) from error
    network = BUILDERS[kind](weights=None)
    network.load_state_dict(_fitting(kind, file, network.state_dict()))
    return network.eval()


def _fitting(kind: RaftKind, file: Path, expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of `file` under torchvision's names. Raises InputError if they are not those of `kind`."""
    content = read_torch_file(file)
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{file} holds no weights of a network. What can be read: {READABLE}")
    state = cast("dict[str, Tensor]", content)
    if any(re.match(r"(module\.)?fnet\.", name) for name in state):
        state = {_renamed(name): value for name, value in state.items()}
    # The original keeps the normalisation of a shortcut under two names.
    found = {name: value for name, value in state.items() if name in expected}
    for name, value in expected.items():
        if name.endswith("num_batches_tracked"):
            found.setdefault(name, value)
        if name not in found or found[name].shape != value.shape:
            here = f"of shape {tuple(found[name].shape)}" if name in found else "missing"
            other = next(one for one in BUILDERS if one != kind)
            raise InputError(
                f"{file} is not {kind}: {name} is {here}, {tuple(value.shape)} is needed. "
                f"Is it {other} (tsn-export --flow {other})? What can be read: {READABLE}"
            )
    return found


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = re.sub(pattern, replacement, name)
    return name
