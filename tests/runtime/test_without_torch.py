"""The runtime is thin: it runs where torch is not installed, and starts fast."""

import subprocess
import sys
from pathlib import Path

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "torchvision", "onnx", "onnxscript", "yaml", "matplotlib"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
"""


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_a_picture_is_stylized_where_torch_is_absent(tiny_bundle: Path, tmp_path: Path) -> None:
    code = (
        BLOCKED
        + """
from PIL import Image
from tsn.runtime import VideoStyleTransfer
Image.new("RGB", (40, 30), "teal").save(sys.argv[2] + "/in.png")
report = VideoStyleTransfer(sys.argv[1]).process_video(sys.argv[2] + "/in.png", "stripes")
print(report.output.name)
"""
    )
    ended = python(code, str(tiny_bundle), str(tmp_path))
    assert ended.stdout.strip() == "in_stripes.png", ended.stderr
    assert (tmp_path / "in_stripes.png").is_file()


def test_importing_the_package_and_asking_for_help_load_nothing_heavy() -> None:
    code = """
import sys
import tsn.runtime, tsn.runtime.cli
heavy = {"numpy", "av", "onnxruntime", "pydantic", "cv2", "PIL", "rich"} & set(sys.modules)
print(sorted(heavy))
"""
    ended = python(code)
    assert ended.stdout.strip() == "[]", ended.stderr
