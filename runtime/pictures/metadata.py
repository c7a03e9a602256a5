"""What a picture says of itself, carried from file to file: who made it with what and when, and how large it prints."""

from pathlib import Path
from typing import Any, Final

from PIL import ExifTags, Image

_KEPT: Final = (
    ExifTags.Base.Artist,
    ExifTags.Base.Copyright,
    ExifTags.Base.DateTime,
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
)
_PARTS: Final = (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo)
# Of a picture that is no more: its size, and what points into the file that it was in.
_DROPPED: Final = (
    ExifTags.Base.ExifImageWidth,
    ExifTags.Base.ExifImageHeight,
    ExifTags.Base.MakerNote,
    ExifTags.Base.ExifInteroperabilityOffset,
)


def metadata_of(path: Path) -> dict[str, Any]:
    """Return what Pillow's save takes to say of a picture what the one at `path` says: EXIF and dots per inch.

    The picture is upright and without thumbnail, so the EXIF says nothing of either.
    """
    try:
        with Image.open(path) as image:
            given, dpi = image.getexif(), image.info.get("dpi")
            exif = Image.Exif()
            for tag in _KEPT:
                if tag in given:
                    exif[tag] = given[tag]
            for part in _PARTS:
                values = {tag: value for tag, value in given.get_ifd(part).items() if tag not in _DROPPED}
                if values:
                    exif.get_ifd(part).update(values)
    except (OSError, SyntaxError, ValueError):  # damaged; the picture itself may be whole
        return {}
    kept: dict[str, Any] = {"exif": exif} if exif or any(exif.get_ifd(part) for part in _PARTS) else {}
    return {**kept, "dpi": dpi} if dpi else kept
