"""Nothing is kept of this device or sent anywhere by the library that runs the networks."""

import os
import subprocess
import sys
from pathlib import Path

CODE = """
from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.style import StyleChoice
import numpy as np
VideoStyleTransfer("lite", threads=1).frame_stylizer([StyleChoice(source="mosaic")])(np.zeros((48, 64, 3), np.uint8))
"""


def test_a_run_leaves_no_number_of_this_device_behind(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    subprocess.run([sys.executable, "-c", CODE], env=environment | home, check=True, timeout=120)
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []
