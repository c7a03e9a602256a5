"""What engines to build: for which library, GPUs and sizes of frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tsn.runtime.bundle.manifest import Library, Precision, Via
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """The sizes of frames that an engine takes, and the one that it is fastest at."""

    minimum: Size
    optimum: Size
    maximum: Size

    def __post_init__(self) -> None:
        for side in ("width", "height"):
            low, best, high = (getattr(size, side) for size in (self.minimum, self.optimum, self.maximum))
            if not low <= best <= high:
                raise UsageError(
                    f"the {side}s {low}, {best} and {high} are out of order: --min-size {self.minimum} may not exceed "
                    f"--opt-size {self.optimum}, nor that --max-size {self.maximum}"
                )

    @property
    def static(self) -> bool:
        """Whether the engine takes one size alone: the faster kind."""
        return self.minimum == self.maximum

    def even(self) -> Self:
        """The same without a last odd row or column: for networks that take 4:2:0."""
        sizes = (self.minimum, self.optimum, self.maximum)
        least, best, most = (Size(size.width // 2 * 2, size.height // 2 * 2) for size in sizes)
        return type(self)(minimum=least, optimum=best, maximum=most)

    def __str__(self) -> str:
        return f"{self.optimum}" if self.static else f"{self.minimum} to {self.maximum}, best at {self.optimum}"

    @classmethod
    def of(
        cls, *, size: Size | None = None, minimum: Size | None = None, optimum: Size | None = None,
        maximum: Size | None = None,
    ) -> Self:  # fmt: skip
        """One size, or a range whose missing ends are the default's. Raises UsageError where both are given."""
        if size is not None:
            if minimum or optimum or maximum:
                raise UsageError("--size makes an engine for one size: leave --min-size, --opt-size and --max-size out")
            return cls(minimum=size, optimum=size, maximum=size)
        return cls(
            minimum=minimum or DEFAULT_MINIMUM,
            optimum=optimum or maximum or DEFAULT_OPTIMUM,
            maximum=maximum or optimum or DEFAULT_MAXIMUM,
        )


DEFAULT_MINIMUM = Size(64, 64)
DEFAULT_OPTIMUM = Size(1280, 720)
DEFAULT_MAXIMUM = Size(1920, 1080)

# Pictures of styles come in any proportion; tsn-run shrinks their shorter side to 512 unless told otherwise.
STYLE_SIZES = Sizes(minimum=Size(32, 32), optimum=Size(640, 512), maximum=Size(1536, 1536))


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineRequest:
    """What engines to build."""

    library: Library
    sizes: Sizes
    precision: Precision = "fp32"
    compute_capabilities: tuple[str, ...] = ()  # "8.9"; none: the GPU that is here. Only TensorRT-RTX builds for others
    builder_level: int | None = None  # 0..5: how long the builder looks for faster kernels; None: the library's default
    workspace: int | None = None  # bytes of GPU memory a layer may use for scratch; None: all there is
    timing_cache: Path | None = None  # TensorRT's measurements, kept between builds; None: in the user's cache folder
    use_timing_cache: bool = True
    via: Via = "onnx"  # the way of the stylizer; the other networks are built from ONNX
    allow_inaccurate: bool = False  # keep an engine that lies too far from its network

    def __post_init__(self) -> None:
        if self.via == "torch-tensorrt" and not (self.library == "tensorrt" and self.sizes.static):
            raise UsageError(
                "--via torch-tensorrt builds for TensorRT and one size: give --size, and no other --library"
            )


def parse_compute_capabilities(text: str) -> tuple[str, ...]:
    """ "89,120" or "8.9,12.0" as ("8.9", "12.0"). Raises UsageError for anything else."""
    found: list[str] = []
    for part in text.split(","):
        digits = part.strip().lower().removeprefix("sm_").replace(".", "")
        if not digits.isdigit() or not 2 <= len(digits) <= 3:
            raise UsageError(f"'{part.strip()}' is no compute capability. Give for example --compute-capability 89,120")
        capability = f"{digits[:-1]}.{digits[-1]}"
        if capability not in found:
            found.append(capability)
    return tuple(found)
