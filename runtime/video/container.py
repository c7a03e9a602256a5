"""A video file, opened."""

# PyAV states its types in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError

from tsn.runtime.errors import InputError
from tsn.runtime.video.timeline import pictures_of


def open_video(path: Path) -> tuple[InputContainer, av.VideoStream]:
    """A file and its first video track. Raises InputError where there is none."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    try:
        container = av.open(str(path.absolute()), "r", metadata_errors="replace")
    except FFmpegError as error:
        raise InputError(
            f"{path} is no video that can be read, or it is cut off at its beginning or end ({error.strerror})"
        ) from error
    if pictures := pictures_of(container):
        return container, pictures[0]
    found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    container.close()
    raise InputError(f"{path} holds no video track, only: {found}")
