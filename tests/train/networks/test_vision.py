"""The one door to torchvision, also beside a build of torch that it does not fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

# A torchvision whose Python code, like the real one, describes an operator that its C++ library should have brought.
BUILT_FOR_ANOTHER_TORCH = """
import torch, torchvision.describes
answer = 42
"""
DESCRIBES_NMS = """
import torch
torch.library.register_fake("torchvision::nms")(lambda dets, scores, iou_threshold: dets)
"""


def python(code: str, *, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run `code` in an interpreter of its own, modules in `path` before the installed ones."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=environment
    )


def fake_torchvision(folder: Path, *, describes: str) -> Path:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(BUILT_FOR_ANOTHER_TORCH)
    (folder / "torchvision" / "describes.py").write_text(describes)
    return folder


def test_models_come_through_the_door_whatever_build_of_torch_is_beside() -> None:
    result = python(
        "from tsn.train.networks.vision import torchvision\n"
        "print(torchvision.models.vgg11(weights=None, num_classes=2).features[0].out_channels)"
    )
    assert result.stdout.strip() == "64", result.stderr


def test_a_torchvision_without_its_operators_is_cured(tmp_path: Path) -> None:
    path = fake_torchvision(tmp_path, describes=DESCRIBES_NMS)
    ill = python("import torchvision", path=path)
    assert "operator torchvision::nms does not exist" in ill.stderr
    cured = python("from tsn.train.networks.vision import torchvision; print(torchvision.answer)", path=path)
    assert cured.stdout.strip() == "42", cured.stderr


def test_any_other_error_of_torchvision_is_passed_on(tmp_path: Path) -> None:
    path = fake_torchvision(tmp_path, describes="raise RuntimeError('quite another illness')")
    result = python("import tsn.train.networks.vision", path=path)
    assert "quite another illness" in result.stderr
    assert result.returncode == 1
