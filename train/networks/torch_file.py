"""Files that torch.save wrote, read without running code from them."""

import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from tsn.runtime.errors import InputError


def read_torch_file(path: Path, *, expected: str = "tensors that torch.save wrote") -> Any:
    """Read a file of torch.save, its tensors to the CPU. Errors quote `expected`, the content it should have.

    Only tensors, numbers, strings and containers of them are loaded: a pickle can run any code, weights_only does not.
    Raises InputError: missing, damaged, not of torch, with other objects, or with tensors that are not plain numbers.
    """
    if not path.is_file():
        if path.is_dir():
            raise InputError(f"{path} is a folder. Give the file in it, such as {path / 'model.pth'}")
        raise InputError(f"there is no file {path}. Give the file of weights: {expected}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on how old or odd the pickle is: it loads, or it is refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
            fault = _fault(path, content)
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:  # a damaged or hostile file can raise nearly anything in the unpickler
        raise InputError(f"{path} is no file of weights: {_reason(path, error)}. Expected: {expected}") from error
    if fault is not None:
        raise InputError(f"{path} {fault}")
    return content


def _reason(path: Path, error: Exception) -> str:
    if not path.stat().st_size:
        return "it is empty"
    if match := re.search(r"GLOBAL (\w+\.[\w.]+)", str(error)):
        return f"it holds objects of {match[1]}, and only tensors are safe to load. Save its state_dict() alone"
    return "torch.save did not write it, or it is damaged"


def _fault(path: Path, content: Any) -> str | None:
    """Return a fault that torch lets pass: a flipped bit, or tensors that are no plain numbers."""
    if zipfile.is_zipfile(path):  # the format of torch before 1.6 has no checksums
        with zipfile.ZipFile(path) as file:
            if (part := file.testzip()) is not None:
                return f"is damaged: the checksum of {part} in it is wrong. Copy or download it again"
    for tensor in _tensors(content):
        if tensor.is_meta:
            return "holds a tensor without values, of the device 'meta'. Save the network after it is loaded"
        if tensor.is_quantized or tensor.is_nested or tensor.layout != torch.strided:
            return "holds a sparse, nested or quantised tensor. Save it dense, in float32"
    return None


def _tensors(content: Any) -> Iterator[torch.Tensor]:
    if isinstance(content, torch.Tensor):
        yield content
    elif isinstance(content, Mapping | list | tuple):
        for value in content.values() if isinstance(content, Mapping) else content:
            yield from _tensors(value)
