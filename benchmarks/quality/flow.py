"""Optical flow to judge videos by: estimated with DIS or RAFT, or read from a file that knows the truth."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB
from tsn.runtime.temporal.flow import DisFlow

FlowEstimator = Callable[[RGB, RGB], Tensor]  # (a, b) -> (1, H, W, 2): pixels, from a to b

TAG = b"PIEH"
UPDATES = 20  # of RAFT's flow


def open_estimator(raft_weights: Path | None) -> FlowEstimator:
    """Return RAFT-small with weights from a file, or DIS, which needs none."""
    if raft_weights is None:
        search = DisFlow(preset=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda one, other: torch.from_numpy(search(one, other))[None]
    from tsn.export.networks.raft import FeaturesGraph, FlowGraph
    from tsn.train.networks.raft_weights import load_raft

    network = load_raft("raft-small", raft_weights)
    features, graph = FeaturesGraph(network), FlowGraph(network, updates=UPDATES)

    def estimate(one: RGB, other: RGB) -> Tensor:
        frames = [torch.from_numpy(frame)[None] for frame in (one, other)]
        return graph(*frames, *(features(frame) for frame in frames))[0]

    return estimate


def read_flow(file: Path) -> Tensor:
    """Read the flow (1, H, W, 2) in a .flo file: pixels, x before y; 1e9 and more means "not known".

    Middlebury's format: http://vision.middlebury.edu/flow/code/flow-code/README.txt. Raises InputError.
    """
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
