"""A file is a picture by what is in it."""

from pathlib import Path

import pytest
from PIL import Image

from tsn.runtime.pictures.formats import SUFFIXES, WRITTEN, content_of, written_as

PICTURE = Image.new("RGB", (32, 24), (200, 40, 30))


@pytest.mark.parametrize("suffix", sorted(WRITTEN))
def test_every_format_that_is_written_is_a_picture_when_it_comes_in(tmp_path: Path, suffix: str) -> None:
    PICTURE.save(tmp_path / f"in{suffix}")
    assert content_of(tmp_path / f"in{suffix}") == "picture"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "GIF", "TIFF", "PPM", "BMP"])
def test_the_suffix_does_not_matter(tmp_path: Path, kind: str) -> None:
    PICTURE.save(tmp_path / "in.mp4", format=kind)
    assert content_of(tmp_path / "in.mp4") == "picture"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_several_pictures_in_time_are_an_animation(tmp_path: Path, kind: str) -> None:
    others = [Image.new("RGB", (32, 24), (index, 80, 90)) for index in (50, 100)]
    PICTURE.save(tmp_path / "in", format=kind, save_all=True, append_images=others, duration=100)
    assert content_of(tmp_path / "in") == "animation"


def test_pages_are_no_animation(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "in.tif", save_all=True, append_images=[PICTURE.copy()])
    assert content_of(tmp_path / "in.tif") == "picture"


@pytest.mark.parametrize("start", [b"\0\0\1\xba\x44" + bytes(40), b"\0\0\0\1\x67" + bytes(40), b"not a picture"])
def test_a_stream_or_a_text_is_something_else(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "in.mpg").write_bytes(start)
    assert content_of(tmp_path / "in.mpg") == "other"


def test_pictures_behind_each_other_are_a_video(tmp_path: Path) -> None:
    PICTURE.save(tmp_path / "in.jpg")
    (tmp_path / "in.mjpeg").write_bytes((tmp_path / "in.jpg").read_bytes() * 3)
    assert content_of(tmp_path / "in.mjpeg") == "other"


def test_a_picture_of_a_phone_is_one_and_a_sequence_of_it_is_none(tmp_path: Path) -> None:
    for brand, content in ((b"heic", "picture"), (b"mif1", "picture"), (b"hevc", "other")):
        (tmp_path / "in").write_bytes(b"\0\0\0\x18ftyp" + brand + bytes(12))
        assert content_of(tmp_path / "in") == content


def test_what_is_not_written_in_its_own_format_becomes_png() -> None:
    for suffix in SUFFIXES:
        assert written_as(Path(f"a.b{suffix}")).suffix == (suffix if suffix in WRITTEN else ".png")
