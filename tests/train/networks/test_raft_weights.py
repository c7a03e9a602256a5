"""Weights of RAFT, whoever saved them."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tsn.runtime.errors import InputError
from tsn.train.networks.raft_weights import BUILDERS, load_raft


def original_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What the original authors call the tensors of raft_small."""
    names = {}
    for name, value in state.items():
        name = name.replace("feature_encoder", "fnet").replace("context_encoder", "cnet")
        name = name.replace("net.convnormrelu.0", "net.conv1").replace("net.conv.", "net.conv2.")
        for number in "123":
            name = name.replace(f"convnormrelu{number}.0", f"conv{number}")
        name = name.replace("motion_encoder.convcorr1.0", "encoder.convc1").replace(
            "motion_encoder.conv.0", "encoder.conv"
        )
        name = name.replace("motion_encoder.convflow1.0", "encoder.convf1")
        name = name.replace("motion_encoder.convflow2.0", "encoder.convf2").replace("recurrent_block.convgru1", "gru")
        names[f"module.{name}"] = value
    return names


def test_weights_of_both_kinds_are_read(tmp_path: Path) -> None:
    state = BUILDERS["raft-small"](weights=None).state_dict()
    torch.save(state, tmp_path / "torchvision.pth")
    torch.save(original_names(state), tmp_path / "original.pth")
    for file in tmp_path.iterdir():
        loaded = load_raft("raft-small", file).state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(BUILDERS["raft-small"](weights=None).state_dict(), file)
    with pytest.raises(InputError, match="--flow raft-small"):
        load_raft("raft-large", file)
    torch.save({"weight": torch.zeros(1)}, file)
    with pytest.raises(InputError, match="is not raft-small"):
        load_raft("raft-small", file)
