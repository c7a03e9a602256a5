"""The demo draws a moving scene with sound, stylizes it and shows both."""

from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tsn.runtime import demo
from tsn.runtime.errors import OutputError
from tsn.runtime.geometry import Size


def test_the_scene_moves() -> None:
    first, later = demo.draw_scene(0, Size(160, 90)), demo.draw_scene(1, Size(160, 90))
    assert first.shape == (90, 160, 3)
    assert (first != later).any(axis=2).mean() > 0.2


def test_the_demo_leaves_a_clip_its_stylized_version_and_a_picture_of_both(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "BUNDLE", str(tiny_bundle))
    monkeypatch.setattr(demo, "SIZE", Size(64, 48))
    monkeypatch.setattr(demo, "FRAMES", 6)
    demo.command.main([str(tmp_path / "demo")], standalone_mode=False)
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "before_after.png",
        "clip.mp4",
        "clip_noise.mp4",
    ]
    assert np.asarray(Image.open(tmp_path / "demo" / "before_after.png")).std() > 5
    with av.open(str(tmp_path / "demo" / "clip_noise.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert "clip_noise.mp4" in capsys.readouterr().out
    with pytest.raises(OutputError, match="exists already"):
        demo.command.main([str(tmp_path / "demo")], standalone_mode=False)


def test_asking_the_demo_for_help_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(demo.command, ["--help"])
    assert "FOLDER" in result.output
    assert list(tmp_path.iterdir()) == []
