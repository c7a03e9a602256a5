"""The loop: it learns, goes on to the bit, stops where it is told to, and refuses what is not a number."""

import functools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tsn.runtime.errors import AccuracyError, Terminated, UnavailableError
from tsn.train.loop import Run, train
from tsn.train.report import LOSSES, read_losses
from tsn.train.summary import finish


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in run.objective.state_dict().items() if not name.startswith("vgg.")}


def assert_equal(first: Run, second: Run) -> None:
    expected = weights_of(first)
    for name, value in weights_of(second).items():
        assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"style_loss": "mean_std", "content_target": "adain", "colour_weight": 1.0, "tv_weight": 0.1},
        {"styles_per_content": 2, "batch_size": 4, "style_pool": 3, "temporal_weight": 1.0, "augment_styles": True},
        {"use_amp": True, "amp_dtype": "bf16", "channels_last": True},
        {"use_amp": True, "amp_dtype": "bf16", "amp_scope": "loss"},
        pytest.param(
            {"use_amp": True, "amp_dtype": "fp16", "style_loss": "mean_std", "style_weight": 0.01},
            marks=pytest.mark.slow,  # a CPU emulates fp16
        ),
        {"gradient_checkpointing": True, "grad_clip": 1.0, "schedule": "cosine", "warmup_steps": 2},
        {"objective": "recolour"},
        {"architecture": "adain-vgg19", "temporal_weight": 1.0},
    ],
    ids=lambda keys: " ".join(f"{key}={value}" for key, value in keys.items()) or "defaults",
)
def test_a_run_goes_on_from_the_middle_of_an_epoch_to_the_bit(
    make_run: Callable[..., Run], keys: dict[str, Any]
) -> None:
    assert_goes_on_to_the_bit(make_run, keys)


@pytest.mark.parametrize("more", [{}, {"use_amp": True, "num_workers": 1, "style_pool": 2, "channels_last": True}])
def test_a_run_on_clips_goes_on_to_the_bit_and_names_the_broken_one(
    make_run: Callable[..., Run],
    clips: Path,
    still_raft: Path,
    more: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tsn.train.data.motion.UPDATES", 1)  # the time that RAFT takes
    keys = {"clips": str(clips), "flow_weights": str(still_raft), "temporal_weight": 1.0, **more}
    run = assert_goes_on_to_the_bit(make_run, keys)
    assert all(line["loss/temporal_clips"] > 0 for line in read_losses(run.folder / LOSSES))
    assert [text for text in run.report.unreadable if "broken.mp4 is no video" in text]


def assert_goes_on_to_the_bit(make_run: Callable[..., Run], keys: dict[str, Any]) -> Run:
    """A run that stops after its first step ends as one that does not stop; gives the latter."""
    whole = make_run("whole", **keys)
    start = weights_of(whole)
    train(whole)
    assert any(not torch.equal(start[name], value) for name, value in weights_of(whole).items())
    first = make_run("halves", **keys)
    first.stop.append(signal.SIGTERM)  # as if it had come during the first step
    with pytest.raises(Terminated):
        train(first)
    second = make_run("halves", resume=True, **keys)
    assert second.step == 1
    train(second)
    assert_equal(whole, second)
    losses = [[line["loss/total"] for line in read_losses(run.folder / LOSSES)] for run in (whole, second)]
    assert losses[0] == losses[1]
    assert len(losses[0]) == 4
    return whole


def test_the_style_loss_falls(make_run: Callable[..., Run]) -> None:
    run = make_run(max_steps=30, epochs=10, style_pool=2, style_loss="mean_std", style_weight=10.0, learning_rate=1e-3)
    train(run)
    finish(run)
    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["last"]["style"] < 0.8 * summary["first"]["style"]
    assert summary["steps"] == 30
    assert (run.folder / "losses.png").read_bytes().startswith(b"\x89PNG")
    assert (run.folder / "model.pth").stat().st_size < (run.saved or Path()).stat().st_size


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_finishes_the_step_saves_and_stops(
    make_run: Callable[..., Run], number: signal.Signals, kind: type[BaseException]
) -> None:
    run = make_run()
    before = signal.getsignal(number)
    step = run.report.step

    def then_signal(*args: Any, **keys: Any) -> None:
        step(*args, **keys)
        if run.step == 1:
            signal.raise_signal(number)

    run.report.step = then_signal  # type: ignore[method-assign]
    with pytest.raises(kind):
        train(run)
    assert run.saved is not None
    assert run.saved.name == "step_00000002.pth"
    assert signal.getsignal(number) is before


def test_a_loss_that_is_no_number_stops_with_the_step_and_the_last_good_checkpoint(
    make_run: Callable[..., Run],
) -> None:
    run = make_run()
    step = run.report.step

    def then_break(*args: Any, **keys: Any) -> None:
        step(*args, **keys)
        if run.step == 2:
            next(run.objective.decoder.parameters()).data[0] = float("nan")

    run.report.step = then_break  # type: ignore[method-assign]
    with pytest.raises(AccuracyError) as caught:
        train(run)
    assert "at step 3 the loss is nan. The last good checkpoint is" in str(caught.value)
    assert not list((run.folder / "checkpoints").glob("*3.pth"))


def test_a_gradient_that_is_no_number_stops_before_it_reaches_the_weights(make_run: Callable[..., Run]) -> None:
    run = make_run()
    parameter = next(run.objective.decoder.parameters())
    parameter.register_hook(lambda gradient: gradient * float("inf"))
    before = weights_of(run)
    with pytest.raises(AccuracyError, match=r"at step 1 the gradient's norm is .* There is no checkpoint yet"):
        train(run)
    for name, value in weights_of(run).items():
        assert torch.equal(value, before[name])


def test_a_dead_reader_is_told_as_such(make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(num_workers=1)

    def die(_self: object, _number: int) -> None:
        os._exit(9)

    monkeypatch.setattr("tsn.train.data.pictures.Crops.__getitem__", die)
    with pytest.raises(UnavailableError, match=r"a process that reads pictures died at step 0 .*--num-workers 0"):
        train(run)


def test_readers_in_other_processes_give_the_same_run(make_run: Callable[..., Run]) -> None:
    alone, helped = make_run("alone"), make_run("helped", num_workers=2)
    train(alone)
    train(helped)
    assert_equal(alone, helped)


def test_the_learning_rate_rises_and_falls(make_run: Callable[..., Run]) -> None:
    run = make_run(max_steps=8, epochs=4, warmup_steps=2, schedule="cosine")
    train(run)
    rates = [line["learning_rate"] for line in read_losses(run.folder / LOSSES)]
    assert rates[:3] == pytest.approx([0.5e-3, 1e-3, 1e-3])
    assert rates[1:] == sorted(rates[1:], reverse=True)
    assert rates[-1] < 0.1e-3


def test_a_compiled_run_takes_the_same_steps(
    make_run: Callable[..., Run], clips: Path, still_raft: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"clips": str(clips), "flow_weights": str(still_raft), "temporal_weight": 1.0, "max_steps": 2}
    # The eager backend traces and guards as the default one does, without minutes of C++ compilation.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    plain, compiled = make_run("plain", **keys), make_run("compiled", compile=True, **keys)
    train(plain)
    train(compiled)
    losses = [[line["loss/total"] for line in read_losses(run.folder / LOSSES)] for run in (plain, compiled)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
