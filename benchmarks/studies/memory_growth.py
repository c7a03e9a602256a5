"""Memory over a long video: the MB that the process of a run holds while frames pass.

python -m tsn.benchmarks.studies.memory_growth lite --frames 5000
"""

import json
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from tsn.benchmarks.throughput.clip import prepare_clip
from tsn.benchmarks.throughput.machine import held_host_mb
from tsn.benchmarks.throughput.plan import parse_size
from tsn.runtime.command.run import run_command
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice
from tsn.runtime.transfer import VideoStyleTransfer

SAMPLES = 50  # looks at the memory
SETTLED = 0.2  # of the frames: until then allocators and codecs take what they keep

Sample = tuple[int, float]  # frames stylized, MB held


@click.command(name="memory_growth")
@click.argument("bundle")
@click.option("--frames", type=click.IntRange(SAMPLES), default=5000, show_default=True)
@click.option("--size", default="320x180", show_default=True)
@click.option("--style", help="A style of the bundle, or a picture.  [the bundle's first]")
@click.option("--temporal/--no-temporal", default=True, show_default=True)
def command(bundle: str, frames: int, size: str, style: str | None, temporal: bool) -> None:
    """Stylize a drawn video and print one JSON document: MB held over the frames, and their growth."""
    transfer = VideoStyleTransfer(bundle)
    style = style or next(iter(sorted(transfer.bundle.manifest.styles)), "")
    samples: list[Sample] = []

    @contextmanager
    def looks(total: int | None) -> Generator[Callable[[int], None]]:
        def look(done: int) -> None:
            if done % (frames // SAMPLES) == 0:
                samples.append((done, held_host_mb()))

        yield look

    with TemporaryDirectory(prefix="tsn-memory-") as name:
        clip, _ = prepare_clip(None, parse_size(size), frames=frames, folder=Path(name))
        settings = Settings(temporal=temporal, overwrite=True)
        transfer.process(clip, [StyleChoice(source=style)], Path(name) / "out.mp4", settings=settings, progress=looks)
    document = {
        "bundle": bundle,
        "size": size,
        "temporal": temporal,
        "mb_per_1000_frames": round(growth(samples), 3),
        "mb_held": {done: round(held, 1) for done, held in samples},
    }
    click.echo(json.dumps(document))


def growth(samples: Sequence[Sample]) -> float:
    """Return the MB that 1,000 frames add, by least squares over what follows the first fifth of the frames."""
    settled = [(done, held) for done, held in samples if done >= samples[-1][0] * SETTLED]
    frames, held = np.array(settled).T
    slope, _ = np.polyfit(frames, held, 1)
    return float(slope) * 1000


if __name__ == "__main__":
    run_command(command)
