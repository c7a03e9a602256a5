"""Checkpoints: enough for a run to go on bit for bit, and for tsn-export. Each is written whole or not at all."""

import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tsn.runtime.errors import InputError, OutputError
from tsn.runtime.files import whole_file
from tsn.train.networks.weights import CHECKPOINT_FORMAT, CHECKPOINT_VERSION, read_torch_file

FOLDER = "checkpoints"
NAME = re.compile(r"step_(\d{8,})\.pth")


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """Write a checkpoint under its own name. Raises OutputError: no room, read-only; what was there then stays."""
    with whole_file(path, overwrite=True) as temporary:
        try:
            torch.save(
                {
                    "format": CHECKPOINT_FORMAT,
                    "version": CHECKPOINT_VERSION,
                    **content,
                    "versions": {
                        "temporalstylenet": version("temporalstylenet"),
                        "torch": str(torch.__version__),  # a subclass of str, which weights_only=True refuses
                        "python": platform.python_version(),
                    },
                },
                temporary,
            )
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            reason = error.strerror if isinstance(error, OSError) else "it was cut short, as on a full disk"
            raise OutputError(f"cannot write {path}: {reason}. Free some room, then go on with --resume") from error


def read_checkpoint(path: Path, *, architecture: str) -> dict[str, Any]:
    """Read a checkpoint of tsn-train.

    Raises InputError: missing, damaged, of another program, version or architecture.
    """
    content = read_torch_file(path)
    if not isinstance(content, dict) or content.get("format") != CHECKPOINT_FORMAT:
        raise InputError(f"{path} is no checkpoint of tsn-train. Give a file from the '{FOLDER}' folder of a run")
    if content.get("version") != CHECKPOINT_VERSION:
        raise InputError(
            f"{path} is a checkpoint of version {content.get('version')}, this program reads {CHECKPOINT_VERSION}. "
            "Install a newer version of temporalstylenet"
        )
    if content.get("architecture") != architecture:
        raise InputError(
            f"{path} holds a network of the architecture '{content.get('architecture')}', this run trains "
            f"'{architecture}'. Add --architecture {content.get('architecture')}, or give another checkpoint"
        )
    return content


def newest_checkpoint(place: Path) -> Path:
    """Return `place` if it is a file, else the newest checkpoint of that run. Raises InputError if there is none."""
    if place.is_file():
        return place
    found = _checkpoints(place / FOLDER) or _checkpoints(place)
    if not found:
        raise InputError(
            f"there is no checkpoint in {place}. Give the folder of a run, or leave --resume and --init-from away"
        )
    return found[-1]


def drop_old(folder: Path, *, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints of a folder."""
    for path in _checkpoints(folder)[:-keep]:
        path.unlink(missing_ok=True)


def load_networks_into(path: Path, content: Mapping[str, Any], networks: Mapping[str, nn.Module]) -> None:
    """Load the encoder and the decoder of a checkpoint. Raises InputError where keys or shapes differ."""
    for name, network in networks.items():
        try:
            network.load_state_dict(content["model"][name])
        except (KeyError, RuntimeError, TypeError) as error:
            reason = (str(error).strip() or name).splitlines()[-1].strip()
            raise InputError(f"the {name} in {path} does not fit this program: {reason}") from error


def _checkpoints(folder: Path) -> list[Path]:
    return sorted((path for path in folder.glob("step_*.pth") if NAME.fullmatch(path.name)), key=lambda path: path.name)
