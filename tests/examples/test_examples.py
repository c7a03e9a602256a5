"""Each example runs by the command in its docstring, on small drawn media."""

import runpy
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.runtime.conftest import decode, draw, write_media

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE = EXAMPLES.parent / "docs" / "reference" / "python_api.md"
MOST_LINES = 60
Run = Callable[[str], str]


def docstring_command(example: Path) -> list[str]:
    """The words of the command in an example's docstring, without `python`."""
    lines = example.read_text(encoding="utf-8").splitlines()
    command = next(line for line in lines if line.startswith("python examples/"))
    return shlex.split(command)[1:]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example in a folder with films and pictures of the names in the docstrings; gives what it printed."""
    monkeypatch.chdir(tmp_path)
    for film in ("in.mp4", "films/one.mp4", "films/two.mov"):
        Path(film).parent.mkdir(exist_ok=True)
        write_media(Path(film), frames=[draw(index) for index in range(6)])
    Image.fromarray(draw(0, width=80, height=64)).save("painting.jpg")

    def call(name: str) -> str:
        script, *words = docstring_command(EXAMPLES / name)
        assert script == f"examples/{name}"
        monkeypatch.setattr(sys, "argv", [script, *words])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return call


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_runs_in_a_test_and_is_listed(example: Path) -> None:
    assert len(example.read_text(encoding="utf-8").splitlines()) < MOST_LINES
    assert f'run("{example.name}")' in Path(__file__).read_text(encoding="utf-8")
    assert f"[{example.name}](../../examples/{example.name})" in PAGE.read_text(encoding="utf-8")


def test_a_film_is_stylized_in_a_mix_of_styles(run: Run) -> None:
    printed = run("mix_styles.py")
    assert "6 of 6 frames" in printed
    assert "mixed.mp4: 6 frames" in printed
    assert len(decode(Path("mixed.mp4"))) == 6


def test_every_film_of_a_folder_is_stylized_and_a_bad_one_is_named(run: Run) -> None:
    Path("films").mkdir(exist_ok=True)
    Path("films/broken.mp4").write_bytes(b"no film")
    Path("films/notes.txt").write_text("no film either")
    printed = run("many_videos.py")
    assert sorted(path.name for path in Path("styled").iterdir()) == ["one.mp4", "two.mp4"]
    assert "one.mp4: 6 frames" in printed
    assert "broken.mp4: left out: " in printed
    assert "notes.txt" not in printed


def test_frames_from_python_come_back_styled(run: Run) -> None:
    assert "the frames are in frames" in run("frames.py")
    paths = sorted(Path("frames").iterdir())
    frames = [np.asarray(Image.open(path)).astype(float) for path in paths]
    assert [frame.shape for frame in frames] == [(144, 256, 3)] * 12
    still = [frame[:, 200:] for frame in frames]  # the disc does not get there: held, it hardly changes
    assert np.abs(still[5] - still[4]).mean() < 0.5 * np.abs(still[5] - frames[5][:, :56]).mean()


def test_a_checkpoint_becomes_a_bundle_that_stylizes(
    run: Run, tiny_networks: "Networks", tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from tsn.export import bundle_writer
    from tsn.export.networks.exportable import Exportable
    from tsn.train.networks.architectures import ARCHITECTURES

    def copy(network: Exportable, path: Path) -> None:  # the tiny networks are exported already: seconds of tracing
        shutil.copyfile(tiny_bundle / path.name, path)

    monkeypatch.setitem(ARCHITECTURES, "tiny", tiny_networks.architecture)  # type: ignore[arg-type]
    monkeypatch.setattr(bundle_writer, "write_onnx", copy)
    halves = {"encoder": tiny_networks.encoder.state_dict(), "decoder": tiny_networks.decoder.state_dict()}
    torch.save({"format": "tsn-checkpoint", "version": 1, "architecture": "tiny", "model": halves}, "model.pth")
    printed = run("own_network.py")
    assert "stylize: " in printed
    assert "dB from PyTorch" in printed
    assert "in_painting.mp4: 6 frames" in printed
    assert (Path("mine") / "manifest.json").is_file()


def test_of_two_versions_the_flickering_one_is_less_steady(run: Run) -> None:
    pytest.importorskip("torch")
    frames = [draw(index) for index in range(6)]
    write_media(Path("held.mp4"), frames=frames)
    flickering = [(frame // 2 + 60 * (index % 2)).astype(np.uint8) for index, frame in enumerate(frames)]
    write_media(Path("alone.mp4"), frames=flickering)
    alone, held = run("measure.py").splitlines()
    assert alone.startswith("alone.mp4: RMSE ")
    assert held.startswith("held.mp4: RMSE ")
    assert float(held.split()[2]) < 0.5 * float(alone.split()[2])
