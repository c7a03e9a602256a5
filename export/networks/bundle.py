"""The networks of a bundle, ready to export."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tsn.export.networks.exportable import Exportable
from tsn.export.networks.held import FlowRequest, anchor_networks, blend_network, flow_networks
from tsn.export.networks.nv12 import nv12_networks
from tsn.export.networks.stylize import style_network, stylize_network
from tsn.train.networks.weights import Networks


def bundle_networks(
    networks: Networks, frames: Sequence[NDArray[np.uint8]] = (), *, flow: FlowRequest | None = None
) -> list[Exportable]:
    """Return the networks of a bundle: those of a style transfer, of holding, of frames by NVDEC, and of a flow.

    Args:
        networks: the trained ones.
        frames: pictures uint8 (1, H, W, 3) to compare with PyTorch on, besides drawn ones.
        flow: which flow it gets; a bundle without one computes flow with OpenCV.

    Raises:
        InputError: the weights of the flow cannot be used.
        UnavailableError: they cannot be downloaded.
    """
    exportables = [
        style_network(networks, frames),
        stylize_network(networks, frames),
        *weightless_networks(),
    ]
    return exportables if flow is None else [*exportables, *flow_networks(flow, frames)]


def weightless_networks() -> list[Exportable]:
    """Return the networks that are the same in every bundle: those of holding, and of frames by NVDEC."""
    return [*anchor_networks(), blend_network(), *nv12_networks()]
