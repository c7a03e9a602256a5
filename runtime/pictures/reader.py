"""Pictures from files of any kind, as upright 8-bit RGB."""

import io
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.pictures.formats import is_heic

LARGEST = 500_000_000  # pixels: a picture beyond that is a mistake or an attack, not a style


def read_picture(path: Path, *, shorter_side: int | None = None) -> NDArray[np.uint8]:
    """The picture as RGB uint8 (height, width, 3), turned upright as its EXIF says, transparency laid on white.

    Args:
        path: JPEG, PNG, WebP, BMP, TIFF, whatever Pillow reads; grey, palette, CMYK, 16 bit and float are converted.
        shorter_side: shrink the picture, in proportion, until its shorter side has this many pixels and its longer
            one at most four times as many; a smaller one stays as it is.

    Raises:
        InputError: missing, no picture, damaged, or larger than LARGEST.
        UnavailableError: it is HEIC, and the library that reads it is not installed.
    """
    if not path.is_file():
        raise InputError(f"there is no picture {path}")
    if is_heic(path):
        _register_heic(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > LARGEST:
                    raise InputError(f"{path} is {image.width}x{image.height}: too large. Scale it down first")
                if shorter_side is not None:
                    image.draft("RGB", _shrunk(image.size, shorter_side))  # JPEG decodes at a fraction of its size
                image = _rgb(_eight_bit(ImageOps.exif_transpose(image)))
                if shorter_side is not None and (size := _shrunk(image.size, shorter_side)) != image.size:
                    image = image.resize(size, Image.Resampling.LANCZOS)
                return np.asarray(image)
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is not a picture that can be read. Give a JPEG, PNG, WebP, BMP or TIFF file"
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"the picture {path} cannot be decoded: {error}") from error


def refuse_small(picture: NDArray[np.uint8], path: Path, *, minimum_side: int) -> None:
    """Raise InputError, with the size in the file `path`, where a picture read from it is too small for a network."""
    height, width, _ = picture.shape
    if min(height, width) >= minimum_side:
        return
    with Image.open(path) as image:
        stored = image.size
    shrunk = f", and {width}x{height} when it is shrunk" if {width, height} != set(stored) else ""
    raise InputError(
        f"the picture {path} is {stored[0]}x{stored[1]}{shrunk}: it needs {minimum_side} pixels a side and up"
    )


def _register_heic(path: Path) -> None:
    """Let Pillow read HEIC. Raises UnavailableError where it cannot."""
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise UnavailableError(
            f"{path} is HEIC, which needs pillow-heif. Run: pip install pillow-heif, or convert it to JPEG"
        ) from error


def _shrunk(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    scale = min(1.0, shorter_side / min(size), 4 * shorter_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # Pillow would clip 16 bit to white instead of scaling it
        values: NDArray[Any] = np.asarray(image, np.float64)
        if not np.isfinite(values).all():
            raise ValueError("it holds values that are no numbers")
        scale = 255 / 65535 if image.mode.startswith("I") else 255 / max(float(values.max()), 1.0)
        return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))
    return image


def _rgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):  # a phone's Display P3, a printer's CMYK: to sRGB
        try:
            source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), _srgb_profile()
            return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError):
            pass  # a damaged profile: the plain conversion below does
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _srgb_profile() -> Any:
    create: Any = vars(ImageCms)["createProfile"]  # its return type is not stated
    return create("sRGB")
