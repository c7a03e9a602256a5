"""What a run is asked to do beside the style itself, and which way it was given where there were several."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size

WORK_LINES = 540  # at which a style's strokes have about the size that a painter would give them
NEAR = 1.1  # a picture with so many times the working lines is stylized as it is
STYLE_SIZE = 512  # pixels of a style picture's shorter side, for strokes of 1
STYLE_SIZES = (128, 1024)  # the least and the most that strokes make of it: beyond, it moves nothing
LONGEST_SIDE = 16384  # pixels: what the exported networks take at most
DecoderName = Literal["auto", "nvdec", "cpu"]
FlowName = Literal["dis", "raft"]
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
    strokes: float = 1.0  # how large they are: 1 as the style has them, 2 twice as large
    style_size: int | None = None  # pixels that a style picture's shorter side is reduced to; None follows `strokes`
    work_lines: int | None = WORK_LINES  # of the shorter side of what is stylized; None: as many as the picture has
    size: Size | None = None  # of the output; None keeps the input's
    shorter_side: int | None = None  # the same, in proportion
    start: Fraction | None = None  # seconds
    duration: Fraction | None = None  # seconds
    max_frames: int | None = None
    codec: str | None = None  # None: what the container usually holds
    quality: int = 75
    decoder: DecoderName = "auto"  # auto: NVDEC where the networks run on a GPU and it gives what the CPU gives
    deinterlace: Literal["auto", "off"] = "auto"  # auto: whole pictures of the fields of an interlaced video
    encoder: EncoderName = "auto"  # auto: NVENC where the networks run on a GPU that has it
    overwrite: bool = False
    temporal: bool | None = None  # hold each frame to the ones before it; None: where the bundle has a flow network
    flow: FlowName | None = None  # None: the bundle's own, and DIS where it has none
    temporal_strength: float = 1.0  # 0 stylizes every frame alone, 1 holds it most

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"alpha is {self.alpha}: it goes from 0 (no style) to 1 (the full style)")
        if not 0 <= self.quality <= 100:
            raise UsageError(f"quality is {self.quality}: it goes from 0 (small) to 100 (best)")
        if not 0 <= self.temporal_strength <= 1:
            raise UsageError(f"temporal_strength is {self.temporal_strength}: it goes from 0 (off) to 1 (most stable)")
        if self.temporal is False and self.flow is not None:
            raise UsageError("flow is for temporal stability, which is off", cure="Leave --flow or --no-temporal out")
        if self.temporal is False and self.temporal_strength != 1.0:
            raise UsageError(
                "temporal_strength is for temporal stability, which is off",
                cure="Leave --temporal-strength or --no-temporal out",
            )
        if not 0.5 <= self.strokes <= 4:
            raise UsageError(f"strokes is {self.strokes:g}: it goes from 0.5 (fine) to 4 (bold)")
        if self.work_lines is None and self.strokes != 1:
            raise UsageError(
                "strokes change the working size, and a native one is as it is",
                cure="Leave --strokes or --work-size native out",
            )
        if self.work_lines is not None and self.work_lines < 16:
            raise UsageError(f"a working size of {self.work_lines} lines is too small: it is at least 16")
        if (self.style_size is not None and self.style_size < 1) or (
            self.shorter_side is not None and self.shorter_side < 1
        ):
            raise UsageError("a size is at least 1 pixel")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames is {self.max_frames}: it is at least 1")
        if (self.start is not None and self.start < 0) or (self.duration is not None and self.duration <= 0):
            raise UsageError("start is 0 seconds or later, and duration is longer than 0 seconds")

    def for_pictures(self, *, folder: bool) -> list[str]:
        """Return notes on what does nothing for pictures. Raises UsageError for what is asked of a video alone."""
        asked = {
            "codec": self.codec,
            "start": self.start,
            "duration": self.duration,
            "decoder nvdec": self.decoder == "nvdec",
            "encoder nvenc": self.encoder == "nvenc",
        }
        wrong = [name for name, value in asked.items() if value]
        if wrong:
            here = "a folder of pictures" if folder else "a picture"
            raise UsageError(
                f"{' and '.join(wrong)} {'is' if len(wrong) == 1 else 'are'} for videos, and this is {here}",
                cure=f"Leave {' and '.join(f'--{name}' for name in wrong)} out",
            )
        notes: list[str] = []
        if self.temporal or self.flow is not None or self.temporal_strength != 1.0:
            notes.append("pictures are stylized one by one: temporal stability is for videos")
        if self.max_frames is not None and not folder:
            notes.append(f"max_frames {self.max_frames} does nothing: there is one picture")
        return notes

    def output_size(self, size: Size, *, multiple_of: int = 1) -> Size:
        """Return the size that frames of `size` are given. Raises UsageError for too large a one.

        A side that follows from the other is a multiple of `multiple_of`.
        """
        fitted = size if self.shorter_side is None else size.fitted(self.shorter_side, multiple_of=multiple_of)
        chosen = self.size or fitted
        if max(chosen.width, chosen.height) > LONGEST_SIDE:
            raise UsageError(
                f"frames of {chosen} are too large: at most {LONGEST_SIDE} pixels a side", cure="Lower --size"
            )
        return chosen

    def working_size(self, size: Size) -> Size:
        """Return the size at which frames of `size` are stylized and held, before they are carried up to it again."""
        if self.work_lines is None:
            return size
        lines = round(self.work_lines / self.strokes)
        return size if min(size.width, size.height) <= lines * NEAR else size.fitted(lines)

    def strokes_note(self, size: Size) -> str | None:
        """Return a line for people where frames of `size` have too few lines for strokes as fine as asked for."""
        if self.strokes >= 1 or self.work_lines is None or self.working_size(size) != size:
            return None
        lines = min(size.width, size.height)
        least = max(self.work_lines / lines, 0.5)
        return f"strokes of {self.strokes:g} need more than {lines} lines: here they are about {least:.2g}"

    @property
    def style_picture_size(self) -> int:
        """The shorter side, in pixels, to which a style picture is reduced before it is encoded."""
        least, most = STYLE_SIZES
        return self.style_size or min(max(round(STYLE_SIZE * self.strokes), least), most)
