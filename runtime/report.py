"""What a run did: frames, seconds, choices and notes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tsn.runtime.geometry import Size
from tsn.runtime.settings import Choice

InputKind = Literal["video", "picture", "folder"]
Log = Callable[[str], None]  # gets a line for people before something that takes long


@dataclass(kw_only=True)
class Stages:
    """Seconds that each stage was busy, and frames that passed it. The stages overlap: their sum exceeds `wall`.

    `stylize` is what all frames need by themselves, flow too, divided by the frames at once; `blend` what comes after.
    """

    frames_in: int = 0
    frames_out: int = 0
    decode: float = 0.0
    stylize: float = 0.0
    blend: float = 0.0
    encode: float = 0.0
    wall: float = 0.0


@dataclass(kw_only=True)
class Report:
    """What a run did. `missing` and `damaged` count the frames that a damaged input cost."""

    kind: InputKind
    input: Path
    output: Path
    bundle: str
    backend: str
    styles: dict[str, float]
    input_size: Size | None = None  # None for a folder: each picture has its own
    output_size: Size | None = None
    work_size: Size | None = None  # at which frames were stylized and held
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
            "work_size": None if self.work_size is None else str(self.work_size),
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
