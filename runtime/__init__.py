"""tsn.runtime: stylizes videos and pictures with an exported bundle. Never imports torch.

from tsn.runtime import VideoStyleTransfer
VideoStyleTransfer("lite").process_video("in.mp4", "starry_night.jpg", "out.mp4")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsn.runtime.job import Report, Settings
    from tsn.runtime.transfer import VideoStyleTransfer

__all__ = ["Report", "Settings", "VideoStyleTransfer"]


def __getattr__(name: str) -> object:
    # Importing the package is instant; numpy, PyAV and pydantic load when the first of these names is used.
    if name == "VideoStyleTransfer":
        from tsn.runtime.transfer import VideoStyleTransfer

        return VideoStyleTransfer
    if name in ("Report", "Settings"):
        from tsn.runtime import job

        return getattr(job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
