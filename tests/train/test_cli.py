"""tsn-train as a user meets it: exit codes, messages, signals, several processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from torch.distributed.run import get_args_parser

from tests.commands import exit_code
from tsn.runtime.errors import InputError, OutputError, UnavailableError, UsageError
from tsn.train.cli import command, main
from tsn.train.config import Config

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "configs" / "smoke_config.yaml"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


def arguments(photos: Path, paintings: Path, vgg: Path, output: Path, *more: str) -> list[str]:
    places = {"--content": photos, "--styles": paintings, "--vgg": vgg, "--output": output, "--config": SMOKE}
    return [
        *(str(part) for pair in places.items() for part in pair),
        "--image-size",
        "32",
        "--shorter-side-min",
        "32",
        *more,
    ]


def invoke(*parts: str) -> str:
    """What the command prints, run in this process; its errors are raised."""
    return CliRunner().invoke(command, list(parts), catch_exceptions=False, standalone_mode=False).output


def test_every_key_of_the_config_is_a_flag_with_its_description() -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"], terminal_width=400).output.split())
    for name, field in Config.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        if field.description:
            assert field.description in text


def test_torchrun_takes_every_flag_for_ours_and_none_for_the_beginning_of_its_own() -> None:
    for option in command.params:
        for flag in (*option.opts, *option.secondary_opts):
            asked = get_args_parser().parse_args(["-m", "tsn.train.cli", flag])
            assert asked.training_script_args == [flag]


def test_the_smoke_config_trains_and_leaves_what_it_should(
    photos: Path, paintings: Path, vgg: Path, tmp_path: Path
) -> None:
    invoke(*arguments(photos, paintings, vgg, tmp_path / "run", "--max-steps", "3", "--quiet"))
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert found == {"checkpoints", "tensorboard", "samples", "losses.jsonl", "losses.png", "summary.json", "model.pth"}
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["config"]["max_steps"] == 3
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_a_folder_with_a_run_is_not_trained_over(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> None:
    given = arguments(photos, paintings, vgg, tmp_path, "--max-steps", "1", "--quiet")
    invoke(*given)
    with pytest.raises(OutputError, match=r"holds a run already. Go on with --resume"):
        invoke(*given)


def test_an_output_that_is_a_file_is_refused(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        invoke(*arguments(photos, paintings, vgg, tmp_path / "file" / "run"))


def test_wrong_input_is_told_before_anything_is_made(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> None:
    empty, output = tmp_path / "empty", tmp_path / "run"
    empty.mkdir()
    with pytest.raises(InputError, match="there is no picture in"):
        invoke(*arguments(empty, paintings, vgg, output))
    with pytest.raises(InputError, match="there is no picture in"):
        invoke(*arguments(photos, empty, vgg, output))
    with pytest.raises(InputError, match="there are 6 photos, but one step takes 7"):
        invoke(*arguments(photos, paintings, vgg, output, "--batch-size", "7"))
    with pytest.raises(UsageError, match="--batch-size"):
        invoke(*arguments(photos, paintings, vgg, output, "--batch-size", "0"))
    with pytest.raises(InputError, match="there is no checkpoint in"):
        invoke(*arguments(photos, paintings, vgg, output, "--resume"))
    assert not output.exists()


def test_clips_that_cannot_serve_are_told_before_anything_is_made(
    photos: Path, paintings: Path, vgg: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "run"

    def start(*more: str) -> None:
        invoke(*arguments(photos, paintings, vgg, output, "--temporal-weight", "1", *more))

    def offline(*_args: object, **_keys: object) -> None:
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"there is no video in .* or below. Wanted: "):
        start("--clips", str(photos))
    with pytest.raises(InputError, match="none of the 1 clips can be read"):
        start("--clips", str(clips / "broken.mp4"))
    with pytest.raises(UnavailableError, match=r"raft-small cannot be downloaded .*no network.*--flow-weights FILE"):
        start("--clips", str(clips))
    with pytest.raises(InputError, match=r"is not raft-small: "):
        start("--clips", str(clips), "--flow-weights", str(tmp_path / "other.pth"))
    with pytest.raises(InputError, match="clips are for the temporal loss"):
        start("--clips", str(clips), "--temporal-weight", "0")
    assert not output.exists()


def test_a_mistake_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    config = tmp_path / "my.yaml"
    config.write_text("batchsize: 4\n")
    given = ["--content", "a", "--styles", "b", "-o", "c", "--config", str(config)]
    done = subprocess.run(
        [sys.executable, "-m", "tsn.train.cli", *given], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr == f"tsn-train: {config}:1: there is no key 'batchsize'. Did you mean 'batch_size'?\n"


def test_pictures_that_cannot_be_read_are_one_line_before_anything_is_written(
    photos: Path, vgg: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    words = arguments(photos, tmp_path, vgg, tmp_path / "run")
    assert exit_code(main, "tsn-train", *words) == 4
    error = capfd.readouterr().err
    assert "none of the 1 pictures" in error
    assert "Traceback" not in error
    assert not (tmp_path / "run").exists()


def test_a_run_is_begun_or_gone_on_with_but_not_both(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave one of them out"):
        invoke(*arguments(photos, paintings, vgg, tmp_path / "run", "--resume", "--init-from", str(tmp_path)))
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_says_which_settings_changed(photos: Path, paintings: Path, vgg: Path, tmp_path: Path) -> None:
    invoke(*arguments(photos, paintings, vgg, tmp_path, "--max-steps", "1", "--quiet"))
    told = invoke(*arguments(photos, paintings, vgg, tmp_path, "--max-steps", "2", "--style-weight", "9", "--resume"))
    assert "going on with other settings than before: max_steps 1 -> 2, style_weight 50.0 -> 9.0" in told
    assert "step 2/2" in told
    again = invoke(*arguments(photos, paintings, vgg, tmp_path, "--max-steps", "2", "--style-weight", "9", "--resume"))
    assert "all 2 steps are done already" in again


@pytest.mark.slow
@pytest.mark.posix
def test_sigterm_saves_exits_with_143_and_the_run_can_go_on(
    photos: Path, paintings: Path, vgg: Path, tmp_path: Path
) -> None:
    given = arguments(photos, paintings, vgg, tmp_path, "--max-steps", "100000", "--epochs", "100000")
    with subprocess.Popen(
        [sys.executable, "-m", "tsn.train.cli", *given], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "checkpoints").glob("*.pth")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 143
    assert re.search(r"stopped at step \d+; go on with --resume\n.*terminated", told)
    assert "Traceback" not in told
    newest = max((tmp_path / "checkpoints").glob("step_*.pth"))
    step = torch.load(newest, weights_only=True)["step"]
    invoke(*arguments(photos, paintings, vgg, tmp_path, "--resume", "--max-steps", str(step + 1), "--epochs", "100000"))
    assert (tmp_path / "checkpoints" / f"step_{step + 1:08d}.pth").exists()


@pytest.mark.slow
def test_where_a_process_is_lost_the_others_end_with_one_line(
    photos: Path, paintings: Path, vgg: Path, tmp_path: Path
) -> None:
    words = arguments(
        photos, paintings, vgg, tmp_path, "--batch-size", "1", "--epochs", "100000", "--max-steps", "9999"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {**ENVIRONMENT, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    first, second = (
        subprocess.Popen(
            [sys.executable, "-m", "tsn.train.cli", *words],
            stderr=subprocess.PIPE, text=True, env={**world, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    )  # fmt: skip
    with first, second:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "checkpoints").glob("*.pth")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second.kill()
        _, told = first.communicate(timeout=60)
    assert first.returncode == 3
    assert "another of the 2 training processes was lost" in told.splitlines()[-1]
    assert "Traceback" not in told


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one_process_with_twice_the_batch(
    photos: Path, paintings: Path, vgg: Path, clips: Path, still_raft: Path, tmp_path: Path
) -> None:
    keys = ["--max-steps", "3", "--temporal-weight", "1", "--style-pool", "4", "--learning-rate", "1e-3", "--quiet"]
    keys += ["--clips", str(clips), "--flow-weights", str(still_raft)]
    keys += ["--seed", "1"]  # the broken clip is then met by the second of two processes alone
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = arguments(photos, paintings, vgg, tmp_path / "pair", "--batch-size", "1", *keys)
    subprocess.run([*launcher, "-m", "tsn.train.cli", *words], env=ENVIRONMENT, check=True, timeout=200)
    invoke(*arguments(photos, paintings, vgg, tmp_path / "alone", "--batch-size", "2", *keys))
    start = tmp_path / "start"
    invoke(*arguments(photos, paintings, vgg, start, "--batch-size", "2", *keys, "--learning-rate", "1e-30"))
    pair, alone = (
        torch.load(tmp_path / name / "checkpoints" / "step_00000003.pth", weights_only=True)["optimizer"]["state"]
        for name in ("pair", "alone")
    )
    left_out = [json.loads((tmp_path / name / "summary.json").read_text())["unreadable"] for name in ("pair", "alone")]
    assert len(left_out[0]) == 1
    assert "broken.mp4 is no video" in left_out[0][0]
    assert left_out[0] == left_out[1]
    for number, state in alone.items():  # the mean of all gradients: rounding stays small in it
        apart = (state["exp_avg"] - pair[number]["exp_avg"]).abs().max()
        assert apart < 0.05 * state["exp_avg"].abs().max(), number
    first, second, before = (
        torch.load(tmp_path / name / "model.pth", weights_only=True)["model"] for name in ("pair", "alone", "start")
    )
    for half in ("encoder", "decoder"):
        for name, value in second[half].items():
            moved = (value - before[half][name]).abs().max()
            apart = (value - first[half][name]).abs().flatten()
            assert moved > 1e-4, name
            # Adam divides by the gradient's size: where that is nearly 0, rounding turns whole steps round. Elsewhere:
            assert apart.median() < 0.01 * moved, name
            assert (apart > 0.05 * moved).float().mean() < 0.1, name
