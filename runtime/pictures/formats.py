"""Which files are pictures: by what is in them where they come in, by their suffix where they go out."""

from pathlib import Path
from typing import Final, Literal

from PIL import Image, UnidentifiedImageError

# What is written, by suffix; what is taken from a folder is this and what only comes in.
WRITTEN: Final = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".tif", ".tiff"),
        *(".bmp", ".gif", ".jp2", ".ppm", ".tga"),
    }
)
SUFFIXES: Final = WRITTEN | {".heic", ".heif", ".j2k", ".pgm", ".pbm", ".pnm", ".dib", ".qoi"}
FALLBACK: Final = ".png"  # for a picture whose own format is not written

# Formats of Pillow's that are known by their first bytes. TGA has none: it is one where the suffix says so too.
_STILLS: Final = ("AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "QOI", "TIFF", "WEBP")
_ANIMATED: Final = frozenset({"AVIF", "GIF", "PNG", "WEBP"})  # in the others several pictures are pages, or sizes
_SEVERAL_JPEGS: Final = frozenset({".mjpeg", ".mjpg"})  # one behind the other: only the suffix says so
_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})  # brands of stills; hevc is a sequence

Content = Literal["picture", "animation", "other"]


def content_of(path: Path) -> Content:
    """Return what a file holds, by its first bytes; where they say nothing, a suffix of a picture does."""
    suffix = path.suffix.lower()
    if suffix in _SEVERAL_JPEGS:
        return "other"
    try:
        with Image.open(path, formats=(*_STILLS, "TGA") if suffix == ".tga" else _STILLS) as image:
            moving = image.format in _ANIMATED and getattr(image, "n_frames", 1) > 1
            return "animation" if moving else "picture"
    except UnidentifiedImageError:
        return "picture" if suffix in SUFFIXES or is_heic(path) else "other"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # whoever reads it says what is wrong
        return "picture"


def is_heic(path: Path) -> bool:
    """Whether a file is a still picture of HEIF with HEVC in it, as phones write them."""
    with path.open("rb") as file:
        start = file.read(12)
    return start[4:8] == b"ftyp" and start[8:12] in _HEIC


def written_as(path: Path) -> Path:
    """Return the name of a picture in a format that is written: its own, or the fallback's."""
    return path if path.suffix.lower() in WRITTEN else path.with_suffix(FALLBACK)
