"""tsn-evaluate on videos whose answers are known."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")

from tests.commands import Ended, runner
from tests.runtime.temporal.test_flow import textured
from tsn.benchmarks.quality.cli import command, main
from tsn.benchmarks.quality.evaluate import evaluate, frame_tensor
from tsn.benchmarks.quality.perceptual import Judge
from tsn.benchmarks.quality.sharpness import gradient_magnitude, laplacian_variance, ssim
from tsn.runtime.errors import InputError, OutputError, TsnError, UsageError
from tsn.train.networks.adain import Encoder


def pan(frames: int, *, step: int = 2) -> list[np.ndarray]:
    wide = textured(48, 64 + step * frames)
    return [np.ascontiguousarray(wide[:, step * n : step * n + 64]) for n in range(frames)]


def true_flow(step: int):
    """The flow of `pan`, which knows from the pictures which of the two comes first, and how far apart they are."""
    frames = {frame.tobytes(): number for number, frame in enumerate(pan(14, step=step))}

    def flow(one: np.ndarray, other: np.ndarray) -> torch.Tensor:
        apart = frames[one.tobytes()] - frames[other.tobytes()]
        return torch.tensor([float(step * apart), 0.0]).expand(1, 48, 64, 2)

    return flow


def test_a_video_that_moves_with_its_content_has_no_error_and_a_flickering_one_has_its_flicker() -> None:
    content = pan(14)
    steady = [255 - frame for frame in content]
    flickering = [np.clip(frame // 2 + 64 + (n % 2) * 10, 0, 255).astype(np.uint8) for n, frame in enumerate(content)]
    one, other = evaluate(content, {"steady": steady, "flickering": flickering}, flow=true_flow(2))
    assert one.totals(one)["rmse_short"] == pytest.approx(0, abs=1e-6)
    assert one.totals(one)["rmse_long"] == pytest.approx(0, abs=1e-6)
    assert other.totals(one)["rmse_short"] == pytest.approx(10 / 255, rel=1e-3)
    assert other.totals(one)["rmse_long"] == pytest.approx(0, abs=1e-6)  # 10 frames apart it looks the same
    assert one.frames["warping_error_long"][:10] == [None] * 10
    assert len([value for value in one.frames["warping_error_long"] if value is not None]) == 4


def test_a_blurred_video_is_less_sharp_and_a_copy_is_just_as_sharp() -> None:
    sharp = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, stride=1)
    assert laplacian_variance(blurred) < 0.2 * laplacian_variance(sharp)
    assert gradient_magnitude(blurred) < 0.9 * gradient_magnitude(sharp)
    ramp = (torch.arange(40.0) / 40).expand(1, 3, 40, 40)
    assert laplacian_variance(ramp) == pytest.approx(0, abs=1e-10)
    assert gradient_magnitude(ramp[..., 8:32]) == pytest.approx(1 / 40, rel=0.3)


def test_similarity_is_1_to_itself_and_falls_with_noise_and_with_inversion() -> None:
    frame = frame_tensor(textured(40, 40))
    noise = 0.1 * torch.randn(frame.shape, generator=torch.Generator().manual_seed(0))
    assert ssim(frame, frame) == pytest.approx(1)
    assert ssim(frame, 1 - frame) < ssim(frame, (frame + noise).clamp(0, 1)) < 0.99


def test_losses_are_0_of_the_content_and_of_the_style_themselves() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder().eval()
    frame, style = frame_tensor(textured(32, 40)), frame_tensor(textured(32, 40, seed=5))
    judge = Judge(encoder, style)
    content = judge.content(frame)
    assert judge.styled(frame, content).content == 0
    assert judge.styled(style, content).style == pytest.approx(0, abs=1e-12)
    assert judge.styled(style, content).content > 0
    assert (judge.styled(frame, content).style or 0) > 0


@pytest.mark.parametrize(
    ("styled", "message"),
    [
        (pan(9), "ends after 9 frames"),
        (pan(11), "more than the 10 frames"),
        ([frame[:-1] for frame in pan(10)], "is 64x47"),
    ],
)
def test_a_video_of_another_length_or_size_is_refused(styled: list[np.ndarray], message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(pan(10), {"styled": styled}, flow=lambda one, other: torch.zeros(1, 48, 64, 2))


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run tsn-evaluate in this process with the given words."""
    return runner(capfd, main, "tsn-evaluate")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for name, make in {"content": lambda f: f, "alone": lambda f: 255 - f, "held": lambda f: f // 2}.items():
        (tmp_path / name).mkdir()
        for number, frame in enumerate(pan(12)):
            Image.fromarray(make(frame)).save(tmp_path / name / f"{number:03}.png")
    return tmp_path


def test_the_command_writes_a_table_a_document_and_pictures(folders: Path, call: Callable[..., Ended]) -> None:
    arguments = [str(folders / name) for name in ("content", "alone", "held")]
    plot, error = folders / "curves.png", folders / "error.png"
    pictures = ["--plot", str(plot), "--error-frame", "5", "--error-picture", str(error)]
    table = CliRunner().invoke(command, [*arguments, *pictures], catch_exceptions=False).stdout.splitlines()
    assert table[0].startswith("| video | RMSE short | RMSE long | sharpness (Laplacian)")
    assert [line.split(" | ")[0] for line in table[2:]] == ["| alone", "| held"]
    assert Image.open(plot).width > 600
    assert Image.open(error).size == (3 * 64, 48)
    found = json.loads(call(*arguments, "--json").out)
    assert found["count"] == 12
    alone, held = (video["total"] for video in found["videos"])
    assert alone["laplacian_variance_ratio"] == 1
    assert held["laplacian_variance_ratio"] == pytest.approx(0.25, abs=0.02)  # half the contrast
    assert alone["rmse_short"] < 0.02


def test_json_is_one_document_whether_it_ends_well_or_not(folders: Path, call: Callable[..., Ended]) -> None:
    videos = [folders / name for name in ("content", "alone")]
    late = call(*videos, "--error-frame", "12", "--json")
    found = json.loads(late.out)
    assert (late.code, found["count"], found["error"]["kind"]) == (2, 12, "usage")
    assert found["error"]["message"] in late.err
    gone = call(videos[0], folders / "gone", "--json")
    assert json.loads(gone.out)["error"]["exit_code"] == gone.code == 4


def test_a_frame_past_the_end_does_not_cost_the_figures(folders: Path) -> None:
    arguments = [str(folders / name) for name in ("content", "alone")]
    ended = CliRunner().invoke(command, [*arguments, "--error-frame", "12"])
    assert isinstance(ended.exception, UsageError)
    assert ended.stdout.startswith("| video | RMSE short")


def test_a_picture_of_the_error_needs_its_frame(folders: Path) -> None:
    arguments = [str(folders / "content"), str(folders / "alone"), "--error-picture", str(folders / "error.png")]
    with pytest.raises(UsageError, match="--error-frame N"):
        CliRunner().invoke(command, arguments, catch_exceptions=False)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (["--plot", "curves.txt"], UsageError, r"ends in \.png"),
        (["--plot", "missing/curves.png"], OutputError, "mkdir -p"),
        (["--plot", "kept.png"], OutputError, "--overwrite"),
        (["--error-frame", "5", "--error-picture", "content/001.png", "--overwrite"], OutputError, "inputs itself"),
        (["--error-frame", "5", "--max-frames", "5"], UsageError, "no frame 5 among the first 5"),
        (["--plot", "a.png", "--error-frame", "5", "--error-picture", "a.png"], UsageError, "Give two names"),
        (["--error-frame", "12"], UsageError, "the last of 12, counted from 0, is 11"),
    ],
)
def test_a_picture_that_cannot_be_made_is_refused_and_costs_nothing(
    folders: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], error: type[TsnError], says: str
) -> None:
    monkeypatch.chdir(folders)
    Path("kept.png").write_bytes(b"kept")
    before = {path: path.read_bytes() for path in folders.rglob("*.png")}
    with pytest.raises(error) as refused:
        CliRunner().invoke(command, ["content", "alone", *options], catch_exceptions=False)
    assert re.search(says, refused.value.line)
    assert {path: path.read_bytes() for path in folders.rglob("*.*")} == before


def test_a_missing_video_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no video .*in\.mp4"):
        CliRunner().invoke(command, [str(tmp_path / "in.mp4"), "x"], catch_exceptions=False)


def test_a_true_flow_of_another_size_or_without_a_known_pixel_is_refused(folders: Path) -> None:
    def evaluated_with(truth: np.ndarray) -> None:
        file = folders / "truth.flo"
        file.write_bytes(b"PIEH" + np.array(truth.shape[1::-1], "<i4").tobytes() + truth.astype("<f4").tobytes())
        arguments = [str(folders / "content"), str(folders / "alone"), "--flow-truth", str(file)]
        CliRunner().invoke(command, arguments, catch_exceptions=False)

    with pytest.raises(InputError, match=r"16x12 pixels large, the frames of .* are 64x48"):
        evaluated_with(np.zeros((12, 16, 2)))
    with pytest.raises(InputError, match="no pixel"):
        evaluated_with(np.full((48, 64, 2), 1e10))
