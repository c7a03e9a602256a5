"""`make demo`: draws a clip, stylizes it with the shipped network, and says where to look.

python -m tsn.runtime.demo [FOLDER]
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tsn.runtime.command.progress import frame_progress
from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.files import as_output_error, whole_file
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice
from tsn.runtime.transfer import VideoStyleTransfer

BUNDLE = "lite"
SIZE = Size(640, 360)
RATE = 24
FRAMES = 3 * RATE
SAMPLE_RATE = 48_000
GRAIN = 2.5  # levels, of the drawn film

_HILLS = (  # from far to near: how far down the crest lies, how high it waves, pixels a second, colour
    (0.52, 0.05, 8, (122, 150, 178)),
    (0.60, 0.06, 18, (92, 134, 128)),
    (0.70, 0.07, 40, (84, 128, 70)),
    (0.84, 0.06, 80, (52, 92, 44)),
)


def draw_scene(seconds: float, size: Size = SIZE) -> RGB:
    """A landscape that passes by: sky, sun, drifting clouds, hills with trees and a kite. uint8 (height, width, 3)."""
    image = Image.fromarray(_sky(seconds, size))
    layers = Image.new("L", image.size)  # 0 the sky, then the hills from far to near
    pen, layer_pen = ImageDraw.Draw(image), ImageDraw.Draw(layers)
    width, height = size.width, size.height
    sun = (0.72 * width, 0.22 * height, 0.085 * height)
    pen.ellipse([sun[0] - sun[2], sun[1] - sun[2], sun[0] + sun[2], sun[1] + sun[2]], fill=(255, 226, 140))
    for layer, (crest, swing, speed, colour) in enumerate(_HILLS):
        x = np.arange(width + 1)
        world = (x + speed * seconds) / width * 640
        wave = np.sin(world / (70 - 9 * layer) + layer) + 0.5 * np.sin(world / (23 - 2 * layer) + 2 * layer)
        top = height * (crest + swing * 0.6 * wave)
        outline = [(0, height), *zip(x.tolist(), top.tolist(), strict=True), (width, height)]
        pen.polygon(outline, fill=colour)
        layer_pen.polygon(outline, fill=layer + 1)
        if layer:
            _trees(pen, layer, top, seconds * speed, size, colour)
    kite = (0.3 * width + 20 * np.sin(seconds * 1.7), 0.2 * height + 14 * np.sin(seconds * 2.3))
    pen.line([kite, (0.42 * width, 0.8 * height)], fill=(240, 240, 235), width=1)
    side = 0.05 * height
    corners = [(0, -1.5), (1, 0), (0, 1.5), (-1, 0)]
    pen.polygon([(kite[0] + side * x, kite[1] + side * y) for x, y in corners], fill=(214, 66, 52))
    return _grained(np.asarray(image), np.asarray(layers), seconds)


def write_clip(path: Path, *, overwrite: bool = False) -> None:
    """The scene as an H.264 video with a quiet chord. Raises OutputError."""
    with whole_file(path, overwrite=overwrite) as temporary, av.open(str(temporary), "w") as opened:
        container: Any = opened  # PyAV leaves open what stream its packets are of
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "14"})
        stream.width, stream.height, stream.pix_fmt = SIZE.width, SIZE.height, "yuv420p"
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        for start in range(0, FRAMES * SAMPLE_RATE // RATE, 1024):
            container.mux(sound.encode(_chord(start)))
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(draw_scene(index / RATE), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        container.mux(sound.encode(None))


def before_and_after(before: Path, after: Path, picture: Path, *, overwrite: bool = False) -> None:
    """The middle frames of two videos above one another, as a PNG."""
    halves = [_middle_frame(path) for path in (before, after)]
    with whole_file(picture, overwrite=overwrite) as temporary:
        Image.fromarray(np.concatenate(halves, axis=0)).save(temporary)


@click.command(name="demo", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=FILE, default=Path("demo"))
@click.option("--overwrite", is_flag=True, help="Replace what an earlier demo left in FOLDER.")
def command(folder: Path, overwrite: bool) -> None:
    """Draw a clip into FOLDER, stylize it and print where the results are."""
    with as_output_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
    clip, picture = folder / "clip.mp4", folder / "before_after.png"
    write_clip(clip, overwrite=overwrite)
    transfer = VideoStyleTransfer(BUNDLE)
    style = sorted(transfer.bundle.manifest.styles)[0]
    report = transfer.process(
        clip,
        [StyleChoice(source=style)],
        folder / f"clip_{style}.mp4",
        settings=Settings(overwrite=overwrite, temporal=True),
        progress=frame_progress,
    )
    before_and_after(clip, report.output, picture, overwrite=overwrite)
    print(f"the clip:          {clip}")
    print(f"stylized:          {report.output} ({report.frames_per_second:.1f} frames/s)")
    print(f"before and after:  {picture}")


def _grained(image: RGB, layers: NDArray[np.uint8], seconds: float) -> RGB:
    """The picture with a grain that moves with each layer: quite flat areas give a network nothing to draw on."""
    height, width = layers.shape
    grain = np.random.default_rng(0).normal(0, GRAIN, (height, width))
    moved = np.array([0, *(round(speed * seconds) for _, _, speed, _ in _HILLS)])
    y, x = np.mgrid[0:height, 0:width]
    return (image + grain[y, (x + moved[layers]) % width][..., None]).clip(0, 255).astype(np.uint8)


def _sky(seconds: float, size: Size) -> NDArray[np.uint8]:
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32)
    down = (y / size.height)[..., None]
    blue, pale = np.array([74, 132, 200], np.float32), np.array([244, 214, 178], np.float32)
    sky = blue + (pale - blue) * np.minimum(1, down * 1.7)
    drift = x + 14 * seconds
    cloud = (
        np.sin(drift / 61 + 2 * np.sin(y / 37)) + np.sin(drift / 29 + y / 19) * 0.6 + np.sin(drift / 13 - y / 11) * 0.25
    )
    cover = np.clip(cloud - 0.5, 0, 1)[..., None] * np.clip(1.2 - 2.4 * down, 0, 1)
    return (sky + (250 - sky) * cover).astype(np.uint8)


def _trees(
    pen: ImageDraw.ImageDraw, layer: int, top: NDArray[np.floating], shift: float, size: Size, colour: tuple[int, ...]
) -> None:
    spacing, tall = 90 - 12 * layer, size.height * 0.035 * layer
    dark = tuple(int(part * 0.7) for part in colour)
    for number in range(int(shift // spacing) - 1, int((shift + size.width) // spacing) + 2):
        x = number * spacing + 31 * np.sin(number * 12.9) - shift
        if not 0 <= x <= size.width:
            continue
        foot = float(top[int(x)])
        pen.rectangle([x - 1, foot - tall * 0.4, x + 1, foot + 2], fill=(70, 52, 40))
        pen.ellipse([x - tall * 0.4, foot - tall * 1.3, x + tall * 0.4, foot - tall * 0.3], fill=dark)


def _chord(start: int) -> av.AudioFrame:
    time = np.arange(start, start + 1024) / SAMPLE_RATE
    tone = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220.0, 277.2, 329.6)) * 0.05
    frame = av.AudioFrame.from_ndarray(np.asarray(tone, np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
    return frame


def _middle_frame(path: Path) -> RGB:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.asarray(frames[len(frames) // 2], dtype=np.uint8)


if __name__ == "__main__":
    run_command(command)
