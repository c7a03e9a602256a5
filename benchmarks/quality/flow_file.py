"""Optical flow in Middlebury's format: http://vision.middlebury.edu/flow/code/flow-code/README.txt"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsn.runtime.errors import InputError

TAG = b"PIEH"


def read_flow(file: Path) -> Tensor:
    """The flow (1, H, W, 2) in a .flo file, pixels, x before y; 1e9 and more means "not known". Raises InputError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    if content[:4] != TAG or len(content) < 12:
        raise InputError(f"{file} is no flow file: it does not begin with {TAG.decode()}")
    width, height = np.frombuffer(content, "<i4", 2, 4).tolist()
    if min(width, height) < 1:
        raise InputError(f"{file} is no flow file: it says that it is {width}x{height} pixels large")
    if len(content) != 12 + width * height * 8:
        raise InputError(f"{file} is {len(content)} bytes long, {width}x{height} needs {12 + width * height * 8}")
    return torch.from_numpy(np.frombuffer(content, "<f4", -1, 12).reshape(1, height, width, 2).copy())
