"""Checkpoints: whole or not at all, readable without running code, refused when foreign."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tsn.runtime.errors import InputError, OutputError
from tsn.train import checkpoint
from tsn.train.checkpoint import drop_old, newest_checkpoint, read_checkpoint, save_checkpoint
from tsn.train.loop import Run, save, train
from tsn.train.networks.weights import load_checkpoint


def test_a_checkpoint_holds_all_that_a_run_needs_and_loads_without_running_code(make_run: Callable[..., Run]) -> None:
    run = make_run()
    train(run)
    assert run.saved is not None
    content = torch.load(run.saved, weights_only=True)
    wanted = {"format", "version", "architecture", "model", "optimizer", "scaler", "epoch", "step"}
    wanted |= {"random", "config", "versions"}
    assert wanted <= set(content)
    assert (content["format"], content["version"], content["architecture"]) == ("tsn-checkpoint", 1, "lite")
    assert (content["step"], content["epoch"]) == (4, 1)
    networks = load_checkpoint(run.saved)  # as tsn-export reads it
    for name, value in run.objective.decoder.state_dict().items():
        assert torch.equal(networks.decoder.state_dict()[name], value)


def test_a_full_disk_leaves_the_checkpoint_before_it_in_place(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    run.step = 1
    save(run)
    assert run.saved is not None
    before = run.saved.read_bytes()

    def full(_content: Any, path: Path) -> None:
        path.write_bytes(b"half of")
        raise RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed")

    monkeypatch.setattr(checkpoint.torch, "save", full)
    with pytest.raises(OutputError, match=r"cannot write .*step_00000001.*cut short.*go on with --resume"):
        save(run)
    assert run.saved.read_bytes() == before
    assert [path.name for path in run.saved.parent.iterdir()] == [run.saved.name]


def test_only_the_newest_checkpoints_stay(tmp_path: Path) -> None:
    for step in (5, 100, 20, 3):
        save_checkpoint(tmp_path / f"step_{step:08d}.pth", {"step": step})
    (tmp_path / "mine.pth").touch()
    drop_old(tmp_path, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.pth", "step_00000020.pth", "step_00000100.pth"]
    assert newest_checkpoint(tmp_path).name == "step_00000100.pth"


def test_a_folder_without_a_checkpoint_cannot_be_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no checkpoint in .*leave --resume and --init-from away"):
        newest_checkpoint(tmp_path)


def test_a_checkpoint_of_another_architecture_is_refused_with_the_flag_that_helps(
    make_run: Callable[..., Run], vgg: Path
) -> None:
    with pytest.raises(InputError, match=r"'adain-vgg19', this run trains 'lite'. Add --architecture adain-vgg19"):
        make_run(start=vgg)


def test_a_damaged_a_foreign_and_a_newer_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "step_00000001.pth"
    save_checkpoint(path, {"architecture": "lite"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError):
        read_checkpoint(path, architecture="lite")
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="is no checkpoint of tsn-train"):
        read_checkpoint(path, architecture="lite")
    torch.save({"format": "tsn-checkpoint", "version": 9}, path)
    with pytest.raises(InputError, match="version 9, this program reads 1"):
        read_checkpoint(path, architecture="lite")
