"""tsn-export as a user meets it."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.commands import exit_code
from tsn.export import bundle_writer, cli
from tsn.export.networks.exportable import Exportable
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import UsageError
from tsn.train.networks.adain import Decoder, Encoder
from tsn.train.networks.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from tsn.train.networks.weights import Networks


@pytest.fixture
def tiny(tiny_networks: "Networks", tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a checkpoint of the tiny networks and a picture; tracing is saved by copying the tiny bundle's."""
    monkeypatch.setitem(ARCHITECTURES, "tiny", tiny_networks.architecture)  # type: ignore[arg-type]

    def copy(network: Exportable, path: Path) -> None:
        shutil.copyfile(tiny_bundle / path.name, path)

    monkeypatch.setattr(bundle_writer, "write_onnx", copy)
    content = {
        "format": "tsn-checkpoint",
        "version": 1,
        "architecture": "tiny",
        "model": {
            "encoder": tiny_networks.encoder.state_dict(),
            "decoder": tiny_networks.decoder.state_dict(),
        },
    }
    torch.save(content, tmp_path / "last.pth")
    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "waves.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> int:
    """The exit code of tsn-export with `arguments`."""
    return exit_code(cli.main, "tsn-export", *arguments)


def test_a_checkpoint_becomes_a_bundle_and_json_is_one_document(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["last.pth", "--style", "waves=waves.png", "--style-size", "32", "-o", "bundle", "--json"]
    assert run(*arguments, "--parity-frames", "waves.png") == 0
    output = capsys.readouterr()
    document = json.loads(output.out)
    assert document["output"] == "bundle"
    assert document["styles"] == ["waves"]
    assert document["networks"]["stylize"]["accuracy"]["frames"] == 6
    assert "encoding 48x32" in output.err
    manifest = open_bundle(tiny / "bundle").manifest
    assert manifest.name == "bundle"
    assert manifest.sources["encoder"].startswith("last.pth ")
    assert len(manifest.styles["waves"].mean) == 8


def test_vgg_encodes_styles_only_for_networks_that_take_its_statistics(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("last.pth", "--style", "waves=waves.png", "--style-encoder", "vgg.pth", "-o", "bundle") == 2
    assert "networks of the architecture 'tiny' do not take. Leave it out" in capsys.readouterr().err


def test_quiet_says_nothing(tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("last.pth", "-o", "bundle", "--name", "mine", "--quiet") == 0
    assert capfd.readouterr() == ("", "")
    assert open_bundle(tiny / "bundle").manifest.name == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "there is nothing to export"),
        (["--encoder", "last.pth"], 2, "there is nothing to export"),
        (["last.pth", "--decoder", "last.pth"], 2, "leave --encoder and --decoder out"),
        (["last.pth", "--style", "waves.png"], 2, "--style 'waves.png' is not NAME=FILE"),
        (["last.pth", "--style", "a="], 2, "is not NAME=FILE"),
        (["last.pth", "--style", "Big Waves=waves.png"], 2, "use a-z, 0-9, _ and - only"),
        (["last.pth", "--style", "a=waves.png", "--style", "a=waves.png"], 2, "'a' is given twice"),
        (["last.pth", "--style-size", "3"], 2, "--style-size"),
        (["last.pth", "--style", "a=missing.png"], 4, "missing.png"),
        (["last.pth", "--style", "a=last.pth"], 4, "last.pth"),
        (["last.pth", "--style", "a=dot.png"], 4, "the picture dot.png is 1x1: it needs 9 pixels"),
        (["last.pth", "--parity-frames", "dot.png"], 4, "the picture dot.png is 1x1"),
        (["missing.pth"], 4, "there is no file missing.pth"),
        (["waves.png"], 4, "waves.png is no file of weights"),
        (["--decoder", "waves.png"], 4, "waves.png is no file of weights"),
        (["last.pth", "-o", "there"], 5, "overwrite is not set. Add --overwrite"),
        (["last.pth", "-o", "no/such/folder"], 5, "mkdir -p"),
    ],
)
def test_a_mistake_gets_one_clear_line_and_its_exit_code_and_leaves_nothing(
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    Image.new("RGB", (1, 1)).save(tiny / "dot.png")
    (tiny / "there").mkdir()
    before = sorted(tiny.rglob("*"))
    assert run(*([] if "-o" in arguments else ["-o", "bundle"]), "--quiet", *arguments) == code
    output = capsys.readouterr()
    assert said in output.err
    assert "Traceback" not in output.err
    assert output.out == ""
    assert sorted(tiny.rglob("*")) == before


def test_a_network_too_far_from_pytorch_ends_with_8_and_no_bundle(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = torch.load(tiny / "last.pth", weights_only=True)
    content["model"]["decoder"]["0.weight"] *= 1.1  # so that the files that are copied are of another network
    torch.save(content, tiny / "last.pth")
    assert run("last.pth", "-o", "bundle", "--quiet") == 8
    assert "stylize.onnx is too far from PyTorch" in capsys.readouterr().err
    assert not (tiny / "bundle").exists()


def test_without_the_export_packages_the_line_gives_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [name for name in sys.modules if name.startswith("tsn.export.") and name != "tsn.export.cli"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert run("last.pth", "-o", str(tmp_path / "bundle")) == 3
    error = capsys.readouterr().err
    assert "onnx is not installed" in error
    assert "pip install " in error
    assert '"onnxscript>=' in error


def test_styles_keep_their_order_and_an_equals_sign_in_the_file_name() -> None:
    assert cli.parse_styles(("b=1.png", "a-2_c=x=y.png")) == {"b": Path("1.png"), "a-2_c": Path("x=y.png")}
    with pytest.raises(UsageError):
        cli.parse_styles(("=x.png",))


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("moment", ["style: exporting", "stylize: exporting"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_nothing_is_left(tmp_path: Path, number: signal.Signals, code: int, moment: str) -> None:
    content = {
        "format": "tsn-checkpoint",
        "version": 1,
        "architecture": "adain-vgg19",
        "model": {"encoder": Encoder().state_dict(), "decoder": Decoder().state_dict()},
    }
    torch.save(content, tmp_path / "last.pth")
    arguments = [sys.executable, "-c", "from tsn.export.cli import main; main()", "last.pth", "-o", "bundle"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if moment in line:  # the folder that must not stay is there, style.onnx in it or not
                break
        time.sleep(1.0)  # into torch's exporter, which forgets some exceptions and wraps others
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(timeout=120) == code
    assert "Traceback" not in rest
    assert [path.name for path in tmp_path.iterdir()] == ["last.pth"]


@pytest.mark.slow
def test_the_published_weights_become_a_bundle(
    real_data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    weights, styles = real_data / "weights", real_data / "styles"
    code = run(
        *("--encoder", str(weights / "vgg19_normalised_to_relu4_1.pth")),
        *("--decoder", str(weights / "adain_decoder_relu4_1.pth")),
        *("--style", f"starry_night={styles / 'vangogh_starry_night_1889.jpg'}", "--style-size", "256"),
        *("-o", str(tmp_path / "bundle"), "--quiet"),
    )
    assert code == 0
    assert capfd.readouterr() == ("", "")
    manifest = open_bundle(tmp_path / "bundle").manifest
    accuracy = manifest.networks["stylize"].accuracy
    assert accuracy is not None
    assert accuracy.psnr_db > 75
    assert manifest.channels == 512
