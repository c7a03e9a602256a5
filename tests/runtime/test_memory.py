"""Memory does not grow with the length of a video."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GROWTH = 25  # MB that five times the length may cost: allocators and codecs settle, they do not keep frames

CODE = """
import resource, sys
from pathlib import Path
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice
from tsn.runtime.transfer import VideoStyleTransfer
transfer = VideoStyleTransfer(sys.argv[1], threads=1)
target = Path(sys.argv[2]).with_suffix(".out.mp4")
transfer.process(Path(sys.argv[2]), [StyleChoice(source="noise")], target, settings=Settings(overwrite=True))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
@pytest.mark.posix
def test_five_times_the_length_takes_the_same_memory(
    tiny_bundle: Path, write_video: Callable[..., Path], drawn: Callable[..., Any], tmp_path: Path
) -> None:
    def peak(frames: int) -> float:
        pictures = [drawn(index, width=320, height=240) for index in range(frames)]
        clip = write_video(tmp_path / f"{frames}.mp4", frames=pictures, options={"preset": "ultrafast"}, audio=["aac"])
        command = [sys.executable, "-c", CODE, str(tiny_bundle), str(clip)]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert peak(1500) - peak(300) < GROWTH
