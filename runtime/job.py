"""One run: what it is asked to do, and what it did."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stages

LONGEST_SIDE = 16384  # pixels: what the exported networks take at most
Kind = Literal["video", "picture", "folder"]
DecoderName = Literal["auto", "nvdec", "cpu"]
EncoderName = Literal["auto", "nvenc", "cpu"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen among several ways to do something, and why."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"

    def document(self) -> dict[str, str]:
        """The choice as `tsn-run --json` prints it."""
        return {"name": self.name, "reason": self.reason}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run does beside the style itself. Raises UsageError for a value out of range."""

    alpha: float = 1.0  # 0 is the content as the network redraws it, 1 the full style
    preserve_color: bool = False
    style_size: int = 512  # pixels of a style picture's shorter side
    size: Size | None = None  # of the output; None keeps the input's
    shorter_side: int | None = None  # the same, in proportion
    start: Fraction | None = None  # seconds
    duration: Fraction | None = None  # seconds
    max_frames: int | None = None
    codec: str | None = None  # None: what the container usually holds
    quality: int = 75
    decoder: DecoderName = "auto"  # auto: NVDEC where the networks run on a GPU and it gives what the CPU gives
    encoder: EncoderName = "auto"  # auto: NVENC where the networks run on a GPU that has it
    overwrite: bool = False
    temporal: bool | None = None  # hold each frame to the ones before it; None: where the bundle has a flow network
    flow: Literal["dis", "raft"] | None = None  # None: the bundle's own, and DIS where it has none
    temporal_strength: float = 1.0  # 0 stylizes every frame alone, 1 holds it most

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"--alpha is {self.alpha}: it goes from 0 (no style) to 1 (the full style)")
        if not 0 <= self.quality <= 100:
            raise UsageError(f"--quality is {self.quality}: it goes from 0 (small) to 100 (best)")
        if not 0 <= self.temporal_strength <= 1:
            raise UsageError(
                f"--temporal-strength is {self.temporal_strength}: it goes from 0 (off) to 1 (most stable)"
            )
        if self.temporal is False and self.flow is not None:
            raise UsageError("--flow is for temporal stability: leave it or --no-temporal out")
        if self.temporal is False and self.temporal_strength != 1.0:
            raise UsageError("--temporal-strength is for temporal stability: leave it or --no-temporal out")
        if self.style_size < 1 or (self.shorter_side is not None and self.shorter_side < 1):
            raise UsageError("a size is at least 1 pixel")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"--max-frames is {self.max_frames}: it is at least 1")
        if (self.start is not None and self.start < 0) or (self.duration is not None and self.duration <= 0):
            raise UsageError("--start is 0 seconds or later, and --duration is longer than 0 seconds")

    def output_size(self, size: Size) -> Size:
        """The size that frames of `size` are given before they are stylized. Raises UsageError for too large a one."""
        chosen = self.size or (size if self.shorter_side is None else size.fitted(self.shorter_side))
        if max(chosen.width, chosen.height) > LONGEST_SIDE:
            raise UsageError(f"frames of {chosen} are too large: at most {LONGEST_SIDE} pixels a side. Lower --size")
        return chosen


@dataclass(kw_only=True)
class Report:
    """What a run did. `missing` and `damaged` count the frames that a damaged input cost."""

    kind: Kind
    input: Path
    output: Path
    bundle: str
    backend: str
    styles: dict[str, float]
    input_size: Size | None = None  # None for a folder: each picture has its own
    output_size: Size | None = None
    decoder: Choice | None = None  # None for pictures
    encoder: Choice | None = None
    stages: Stages = field(default_factory=Stages)
    load: float = 0.0  # seconds to load the networks and encode the style
    missing: int = 0
    damaged: int = 0
    temporal: bool = False
    cuts: list[int] = field(default_factory=list[int])  # numbers of frames, from 0, that begin a new scene
    notes: list[str] = field(default_factory=list[str])

    @property
    def frames_per_second(self) -> float:
        """Frames out for each second from the first decode to the finished file."""
        return self.stages.frames_out / self.stages.wall if self.stages.wall else 0.0

    def document(self) -> dict[str, object]:
        """The report as `tsn-run --json` prints it."""
        stages = self.stages
        return {
            "kind": self.kind,
            "input": str(self.input),
            "output": str(self.output),
            "bundle": self.bundle,
            "backend": self.backend,
            "decoder": None if self.decoder is None else self.decoder.document(),
            "encoder": None if self.encoder is None else self.encoder.document(),
            "styles": self.styles,
            "input_size": None if self.input_size is None else str(self.input_size),
            "output_size": None if self.output_size is None else str(self.output_size),
            "frames": {
                "in": stages.frames_in,
                "out": stages.frames_out,
                "missing": self.missing,
                "damaged": self.damaged,
            },
            "seconds": {
                "load": round(self.load, 4),
                "decode": round(stages.decode, 4),
                "stylize": round(stages.stylize, 4),
                "blend": round(stages.blend, 4),
                "encode": round(stages.encode, 4),
                "wall": round(stages.wall, 4),
            },
            "temporal": self.temporal,
            "cuts": self.cuts,
            "frames_per_second": round(self.frames_per_second, 3),
            "notes": self.notes,
        }
