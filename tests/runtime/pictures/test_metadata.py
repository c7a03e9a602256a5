"""What a picture says of itself stays, and what is no longer so goes."""

from pathlib import Path

import pytest
from PIL import ExifTags, Image

from tsn.runtime.pictures.metadata import metadata_of


def photo(path: Path) -> Path:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright], exif[ExifTags.Base.Orientation] = "(c) Somebody", 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] = "50 mm"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 999
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    Image.new("RGB", (32, 24)).save(path, exif=exif, dpi=(300, 300))
    return path


@pytest.mark.parametrize("given", [".jpg", ".tif", ".png"])
@pytest.mark.parametrize("taken", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_copyright_lens_place_and_resolution_stay(tmp_path: Path, given: str, taken: str) -> None:
    Image.new("RGB", (24, 32)).save(tmp_path / f"out{taken}", **metadata_of(photo(tmp_path / f"in{given}")))
    with Image.open(tmp_path / f"out{taken}") as image:
        exif = image.getexif()
        assert image.size == (24, 32)
        assert exif[ExifTags.Base.Copyright] == "(c) Somebody"
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert ExifTags.Base.ExifImageWidth not in exif.get_ifd(ExifTags.IFD.Exif)
        if ".tif" not in (given, taken):  # Pillow writes only the first part of a TIFF's
            assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.LensModel] == "50 mm"
            assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        if taken in (".jpg", ".png", ".tif"):
            assert tuple(map(round, image.info["dpi"])) == (300, 300)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".gif", ".ppm", ".tga", ".jp2"])
def test_a_picture_that_says_nothing_says_nothing(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (32, 24)).save(tmp_path / f"in{suffix}")
    assert "exif" not in metadata_of(tmp_path / f"in{suffix}")
    Image.new("RGB", (32, 24)).save(tmp_path / f"out{suffix}", **metadata_of(photo(tmp_path / "in.jpg")))
