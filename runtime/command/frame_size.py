"""The size that a command is given for frames: 1280x720, or 720p in proportion; and what was meant where it is none."""

import re

from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size

_HEIGHTS = {  # by the usual widths of films, and by names
    "854": 480,
    "1280": 720,
    "1920": 1080,
    "2560": 1440,
    "3840": 2160,
    "hd": 720,
    "fhd": 1080,
    "fullhd": 1080,
    "2k": 1440,
    "4k": 2160,
    "uhd": 2160,
    "8k": 4320,
}


def parse_frame_size(text: str) -> tuple[Size | None, int | None]:
    """Return the size that "1280x720" names, or the shorter side that "720p" names. Raises UsageError."""
    if re.fullmatch(r"[0-9]{1,5}[pP]", text):
        return None, int(text[:-1])
    try:
        return Size.parse(text), None
    except UsageError as error:
        meant = _meant(text.strip().lower())
        raise UsageError(
            f"'{text}' is not a size",
            cure=(f"Did you mean {meant}? " if meant else "")
            + "Give a height such as 720p, or a width and a height such as 1280x720",
        ) from error


def parse_work_size(text: str) -> int | None:
    """Return the lines that "540p" names; None for "native". Raises UsageError."""
    if text.strip().lower() == "native":
        return None
    if match := re.fullmatch(r"\s*([1-9][0-9]{0,4})[pP]\s*", text, re.ASCII):
        return int(match[1])
    raise UsageError(f"'{text}' is no working size", cure="Give lines, such as --work-size 540p, or native")


def _meant(text: str) -> str | None:
    if text in _HEIGHTS:
        return f"{_HEIGHTS[text]}p"
    if match := re.fullmatch(r"p?([1-9][0-9]{1,4})\s*(p|i|px|pixels|lines)?", text, re.ASCII):
        return f"{_HEIGHTS.get(match[1], match[1])}p"
    if match := re.fullmatch(r"([1-9][0-9]{1,4})\s*[^0-9]\s*([1-9][0-9]{1,4})", text, re.ASCII):
        return f"{match[1]}x{match[2]}"
    return None
