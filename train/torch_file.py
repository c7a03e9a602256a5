"""Files that torch.save wrote, read without running code from them."""

import re
import warnings
from pathlib import Path
from typing import Any

import torch

from tsn.runtime.errors import InputError


def read_torch_file(path: Path, *, expected: str = "tensors that torch.save wrote") -> Any:
    """What torch.save wrote to `path`, its tensors on the CPU. `expected` says in errors what the file should hold.

    Only tensors, numbers, strings and containers of them are loaded: a pickle can run any code, weights_only does not.
    Raises InputError: missing, damaged, not of torch, or with other objects.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}. Give the file of weights: {expected}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how old or odd the pickle is: it loads, or it is refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged or hostile file can raise nearly anything in the unpickler
        raise InputError(f"{path} is no file of weights: {_reason(path, error)}. Expected: {expected}") from error


def _reason(path: Path, error: Exception) -> str:
    if not path.stat().st_size:
        return "it is empty"
    if match := re.search(r"GLOBAL (\w+\.[\w.]+)", str(error)):
        return f"it holds objects of {match[1]}, and only tensors are safe to load. Save its state_dict() alone"
    return "torch.save did not write it, or it is damaged"
