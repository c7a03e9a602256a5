"""Pictures of every kind come out as upright 8-bit RGB."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.pictures.reader import read_picture, refuse_small

RED = (200, 40, 30)


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_a_grey_picture_has_three_equal_channels(tmp_path: Path) -> None:
    rgb = read_picture(save(Image.new("L", (5, 4), 90), tmp_path / "grey.png"))
    assert rgb.shape == (4, 5, 3)
    assert (rgb == 90).all()


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    rgb = read_picture(save(Image.new("RGBA", (4, 4), (0, 0, 0, 0)), tmp_path / "clear.png"))
    assert (rgb == 255).all()


def test_a_palette_keeps_its_colours(tmp_path: Path) -> None:
    rgb = read_picture(
        save(Image.new("RGB", (4, 4), RED).convert("P", palette=Image.Palette.ADAPTIVE), tmp_path / "p.png")
    )
    assert (rgb == RED).all()


def test_cmyk_becomes_its_rgb(tmp_path: Path) -> None:
    rgb = read_picture(save(Image.new("RGB", (16, 16), RED).convert("CMYK"), tmp_path / "print.jpg", quality=95))
    assert np.abs(rgb.astype(int) - RED).max() < 12


def test_16_bit_is_scaled_and_not_clipped(tmp_path: Path) -> None:
    values = np.full((4, 4), 32768, np.uint16)
    rgb = read_picture(save(Image.fromarray(values), tmp_path / "deep.png"))
    assert (rgb == 128).all()


def test_exif_turns_the_picture_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (6, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter clockwise to be shown
    rgb = read_picture(save(image, tmp_path / "phone.png", exif=exif))
    assert rgb.shape == (6, 4, 3)
    assert (rgb[0, 3] == 255).all()


def test_a_16_bit_picture_is_turned_upright_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.zeros((4, 6), np.uint16)
    rgb = read_picture(save(Image.fromarray(values), tmp_path / "deep.png", exif=exif))
    assert rgb.shape == (6, 4, 3)


@pytest.mark.parametrize(
    ("size", "shorter_side", "expected"),
    [((400, 200), 100, (200, 100)), ((80, 60), 100, (80, 60)), ((20000, 20), 64, (256, 1))],
)
def test_a_large_picture_is_shrunk_in_proportion_and_a_small_one_kept(
    tmp_path: Path, size: tuple[int, int], shorter_side: int, expected: tuple[int, int]
) -> None:
    rgb = read_picture(save(Image.new("RGB", size, RED), tmp_path / "a.jpg"), shorter_side=shorter_side)
    assert (rgb.shape[1], rgb.shape[0]) == expected


def test_a_picture_that_is_too_small_once_shrunk_is_named_with_the_size_in_its_file(tmp_path: Path) -> None:
    path = save(Image.new("RGB", (20000, 20), RED), tmp_path / "ribbon.png")
    rgb = read_picture(path, shorter_side=64)
    with pytest.raises(InputError, match=r"ribbon\.png is 20000x20, and 256x1 when it is shrunk: it needs 9 pixels"):
        refuse_small(rgb, path, minimum_side=9)
    refuse_small(read_picture(path), path, minimum_side=9)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_float_picture_with_values_that_are_no_numbers_is_refused(tmp_path: Path, value: float) -> None:
    values = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    path = save(Image.fromarray(values), tmp_path / "float.tif")
    assert read_picture(path).max() == 255
    values[2, 3] = value
    save(Image.fromarray(values), path)
    with pytest.raises(InputError, match=r"float\.tif cannot be decoded: it holds values that are no numbers"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"", b"plain text", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.png"):
        read_picture(tmp_path / "bad.png")


def test_a_cut_off_picture_is_named(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    path = save(noise, tmp_path / "cut.jpg")
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(InputError, match=r"cut\.jpg cannot be decoded"):
        read_picture(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_every_orientation_is_turned_and_mirrored(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = np.full((24, 32, 3), 128, np.uint8)
    upright[:8, :8], upright[:8, -8:], upright[-8:, :8] = (220, 30, 30), (30, 220, 30), (30, 30, 220)
    # How a camera stores it: the inverse of what EXIF asks for.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"in{suffix}", exif=exif, quality=95)
    found = read_picture(tmp_path / f"in{suffix}")
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 4  # compression


def test_heic_is_read_where_its_library_is_and_else_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "in.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(12))
    with pytest.raises((UnavailableError, InputError), match=r"pillow-heif|decoded|not a picture"):
        read_picture(tmp_path / "in.heic")
