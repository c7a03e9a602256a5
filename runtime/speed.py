"""How fast this CPU stylizes, measured in about a second: the shipped network on drawn frames, as tsn-run calls it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.frame import RGB, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Made, Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.threads import spread, usable_cores
from tsn.runtime.verification.drawn_frame import drawn_frame

BUNDLE = "lite"
SIZE = Size(854, 480)
SECONDS = 1.0  # of measuring; loading and the first frames come before


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """A rate and what it is of. Decoding and encoding come on top: little beside the network on a CPU."""

    bundle: str
    size: Size
    cores: int
    frames_per_second: float

    def __str__(self) -> str:
        rate = f"{self.frames_per_second:.{0 if self.frames_per_second >= 9.5 else 1}f}"
        cores = f"{self.cores} core" + ("s" if self.cores > 1 else "")
        return f"{self.bundle}, about {rate} frames/s at {self.size.height}p on this CPU ({cores})"

    def document(self) -> dict[str, object]:
        """The speed as `tsn-doctor --json` prints it."""
        return {
            "bundle": self.bundle,
            "size": str(self.size),
            "cores": self.cores,
            "frames_per_second": round(self.frames_per_second, 3),
        }


def measure_speed(*, size: Size = SIZE, seconds: float = SECONDS) -> Speed:
    """Stylize drawn frames, several at once as tsn-run does, until `seconds` have passed. Raises TsnError."""
    bundle, backend = open_bundle(BUNDLE), open_backend("cpu")
    style = mixed_style(bundle, backend, [StyleChoice(source=min(bundle.manifest.styles))], size=size.height)
    stylizer = Stylizer(bundle, backend, style=style, side_by_side=True)

    def ahead(rgb: RGB) -> tuple[FrameBuffer, Made]:
        pixels = FrameBuffer(rgb)
        return pixels, stylizer.ahead(pixels, None)

    frames: Iterator[RGB] = repeat(drawn_frame(size, seed=0))
    warm = stylizer.concurrency  # frames: the first of each thread
    begun = now = time.perf_counter()
    done = 0
    with spread(ahead, frames, threads=stylizer.concurrency, interrupt=stylizer.interrupt) as made:
        for _, found in made:
            stylizer.shown(*found)
            done += 1
            now = time.perf_counter()
            if done == warm:
                begun = now
            elif done > warm and done % warm == 0 and now - begun >= seconds:  # whole rounds of all threads
                break
    rate = (done - warm) / (now - begun)
    return Speed(bundle=bundle.manifest.name, size=size, cores=usable_cores(), frames_per_second=rate)
