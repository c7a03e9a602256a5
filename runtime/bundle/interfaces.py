"""The networks of a bundle in one table: the tensors of each, which others it needs, and whether it may be reduced.

The manifest is checked against it; tsn-export names tensors and dynamic axes by it; backends read the size of frames by
it and engines get their profiles from it; comparisons know from it how a difference is counted. A new network begins
here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from tsn.runtime.geometry import Size

NetworkName = Literal["style", "stylize", "features", "flow", "anchor", "carry", "blend", "nv12", "p010"]
TensorKind = Literal["levels", "picture", "flow", "share", "values", "exact"]
"""How differences are counted: levels of 255; a picture in 0..1; pixels; shares in 0..1; values without a scale of
their own; or not at all, since there may be none."""

RAFT_STRIDE = 8  # pixels of the frame for one pixel of RAFT's features
RAFT_SMALLEST = 128  # pixels a side: below, the top of its pyramid is one pixel, and flows are NaN (vision#7338)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorType:
    """An input or output of a network."""

    name: str
    kind: TensorKind
    dtype: Literal["uint8", "float32"]
    shape: tuple[int | str, ...]  # of each axis its length, or a name: of AXIS_LENGTHS, or CHANNELS

    @property
    def dynamic_axes(self) -> dict[int, str]:
        """The axes whose length follows the size of the frames, with their names."""
        return {axis: name for axis, name in enumerate(self.shape) if isinstance(name, str) and name in AXIS_LENGTHS}


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkType:
    """What a network takes and gives, in the order of its graph."""

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    required: bool = False  # every bundle holds it
    needs: tuple[NetworkName, ...] = ()  # a bundle that holds it holds these too
    reducible: bool = False  # parts of it may compute in half precision
    weightless: bool = False  # the same in every bundle: tsn-export --from BUNDLE --refresh writes it anew

    @property
    def tensors(self) -> tuple[TensorType, ...]:
        """The inputs, then the outputs."""
        return self.inputs + self.outputs


CHANNELS = "channels"  # the length of an axis that is a matter of the weights


def feature_size(size: Size, scale: Fraction) -> Size:
    """Return the size (w, h) of RAFT's features of frames of `size`, which RAFT sees reduced by `scale`."""
    for step in reduction_steps(scale):
        size = Size(scaled_side(size.width, step), scaled_side(size.height, step))
    padded = size.padded(RAFT_STRIDE, minimum=RAFT_SMALLEST)
    return Size(padded.width // RAFT_STRIDE, padded.height // RAFT_STRIDE)


def reduction_steps(scale: Fraction) -> Sequence[Fraction]:
    """Return a scale in steps: halved first where bilinear sampling would skip pixels."""
    if scale == 1:
        return ()
    half = Fraction(1, 2)
    return (scale,) if scale >= half else (half, scale / half)


def scaled_side(side: int, scale: Fraction) -> int:
    """Return a side scaled and rounded, in whole numbers: tracing follows it."""
    return (side * scale.numerator * 2 + scale.denominator) // (scale.denominator * 2)


AXIS_LENGTHS: Final[Mapping[str, Callable[[Size, Fraction], int]]] = {
    "height": lambda size, scale: size.height,
    "width": lambda size, scale: size.width,
    "half_height": lambda size, scale: size.height // 2,
    "half_width": lambda size, scale: size.width // 2,
    "feature_height": lambda size, scale: feature_size(size, scale).height,
    "feature_width": lambda size, scale: feature_size(size, scale).width,
}
"""The dynamic axes by name, and the length of each for frames of a size and the scale of the network's flow."""


def _frame(name: str, *, channels: int = 3) -> TensorType:
    return TensorType(name=name, kind="levels", dtype="uint8", shape=(1, "height", "width", channels))


def _half_chroma(name: str) -> TensorType:
    return TensorType(name=name, kind="levels", dtype="uint8", shape=(1, "half_height", "half_width", 2))


def _mask(name: str) -> TensorType:
    return TensorType(name=name, kind="levels", dtype="uint8", shape=(1, "height", "width"))


def _flow(name: str) -> TensorType:
    return TensorType(name=name, kind="flow", dtype="float32", shape=(1, "height", "width", 2))


def _values(name: str, *shape: int | str, kind: TensorKind = "values") -> TensorType:
    return TensorType(name=name, kind=kind, dtype="float32", shape=shape)


def _features(name: str) -> TensorType:
    return _values(name, 1, CHANNELS, "feature_height", "feature_width")


def _planes_to_rgb(length: int) -> NetworkType:
    """Frames of 4:2:0 video, with `length` bytes a value, to RGB."""
    luma = (1, "half_height", 2, "half_width", 2, length)  # so the two planes share their axes
    chroma = (1, "half_height", "half_width", 2, length)
    return NetworkType(
        inputs=(
            TensorType(name="luma", kind="levels", dtype="uint8", shape=luma),
            TensorType(name="chroma", kind="levels", dtype="uint8", shape=chroma),
            _values("matrix", 3, 3),
            _values("offset", 3),
            _values("taps", 2, 2, 3),
        ),
        outputs=(_frame("frame"),),
        weightless=True,
    )


NETWORKS: Final[Mapping[NetworkName, NetworkType]] = {
    "style": NetworkType(
        inputs=(_frame("image"),),
        outputs=(_values("mean", CHANNELS), _values("std", CHANNELS)),
        required=True,
    ),
    "stylize": NetworkType(
        inputs=(
            _frame("frame"),
            _values("mean", CHANNELS),
            _values("std", CHANNELS),
            _values("strength", 1),
            _values("preserve_color", 1),
        ),
        outputs=(
            TensorType(name="styled", kind="picture", dtype="float32", shape=(1, 3, "height", "width")),
            _frame("stylized"),
        ),
        required=True,
        reducible=True,
    ),
    "features": NetworkType(inputs=(_frame("frame"),), outputs=(_features("features"),), reducible=True),
    "flow": NetworkType(
        inputs=(_frame("current"), _frame("previous"), _features("features"), _features("previous_features")),
        outputs=(_flow("flow"), _values("changed", 1, kind="exact")),
        needs=("features",),
        reducible=True,
    ),
    "anchor": NetworkType(
        inputs=(
            _frame("styled"),
            _frame("current"),
            _frame("kept", channels=4),
            _half_chroma("kept_chroma"),
            _flow("displacement"),
            _frame("carried", channels=4),
            _mask("explained"),
        ),
        outputs=(_frame("anchor", channels=4), _half_chroma("anchor_chroma"), _flow("anchor_displacement")),
        needs=("carry",),
        weightless=True,
    ),
    "carry": NetworkType(
        inputs=(
            _frame("anchor", channels=4),
            _half_chroma("anchor_chroma"),
            _flow("displacement"),
            _flow("flow"),
            _frame("current"),
        ),
        outputs=(
            _frame("carried", channels=4),
            _half_chroma("carried_chroma"),
            _flow("carried_displacement"),
            _flow("offset"),
            _mask("intact"),
        ),
        needs=("anchor",),
        weightless=True,
    ),
    "blend": NetworkType(
        inputs=(
            _frame("styled"),
            _frame("current"),
            _frame("older", channels=4),
            _frame("newer", channels=4),
            _half_chroma("older_chroma"),
            _half_chroma("newer_chroma"),
            _mask("older_intact"),
            _mask("newer_intact"),
            _values("share", 1),
            _values("strength", 1),
        ),
        outputs=(_frame("blended"), _values("coverage", 1, kind="share"), _mask("explained")),
        weightless=True,
    ),
    "nv12": _planes_to_rgb(1),
    "p010": _planes_to_rgb(2),
}

_INPUTS: Final = {tensor.name: tensor for network in NETWORKS.values() for tensor in network.inputs}


def axis_lengths(shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Return the lengths of the dynamic axes by name, for the shapes of all inputs of a network by the input's name."""
    lengths = {
        name: shape[axis] for tensor, shape in shapes.items() for axis, name in _INPUTS[tensor].dynamic_axes.items()
    }
    if "half_height" in lengths and "height" not in lengths:  # such a network gives whole frames
        lengths |= {"height": 2 * lengths["half_height"], "width": 2 * lengths["half_width"]}
    return lengths


def frame_size(shapes: Mapping[str, Sequence[int]]) -> Size | None:
    """Return the size of the frames of a network, for the shapes of its inputs; None where it takes none."""
    lengths = axis_lengths(shapes)
    return Size(lengths["width"], lengths["height"]) if "height" in lengths else None
