"""What is asked of a network in a step: which losses, in which type, against what."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tsn.train import losses
from tsn.train.data.motion import pairs_with_flow
from tsn.train.data.pictures import as_images
from tsn.train.loop import Run, train
from tsn.train.objective import measured, weights


def first_losses(run: Run) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    batch = next(iter(run.loader))
    device = torch.device("cpu")
    assert batch.styles is not None
    styles = measured(run.objective.vgg, as_images(batch.styles, device), run.config)
    return run.objective(as_images(batch.content, device), styles, batch.motion)


def test_the_judge_never_learns_and_the_encoder_of_adain_is_the_judge(make_run: Callable[..., Run]) -> None:
    run = make_run(architecture="adain-vgg19", max_steps=1)
    before = {name: value.clone() for name, value in run.objective.vgg.state_dict().items()}
    assert run.objective.encoder is run.objective.vgg
    train(run)
    assert all(torch.equal(before[name], value) for name, value in run.objective.vgg.state_dict().items())
    assert all(parameter.grad is None for parameter in run.objective.vgg.parameters())


def test_only_losses_with_a_weight_are_computed(make_run: Callable[..., Run]) -> None:
    found, outputs = first_losses(make_run("few"))
    assert set(found) == {"content", "style"}
    assert outputs.shape == (2, 3, 32, 32)
    keys: dict[str, Any] = {f"{name}_weight": 0.5 for name in ("temporal", "tv", "colour", "pixel")}
    run = make_run("all", **keys)
    assert set(first_losses(run)[0]) == set(weights(run.config)) - {"temporal_clips", "grid"}


def test_a_frozen_encoder_stays_as_it_is_and_the_decoder_learns_from_the_styles_of_vgg(
    make_run: Callable[..., Run],
) -> None:
    run = make_run(
        architecture="studio", freeze_encoder=True, balanced=True, temporal_weight=1.0, noise=2.0, max_steps=2
    )
    before = {name: value.clone() for name, value in run.objective.state_dict().items()}
    batch = next(iter(run.loader))
    assert batch.styles is not None
    styles = measured(run.objective.vgg, as_images(batch.styles, torch.device("cpu")), run.config)
    seen: list[torch.Tensor] = []
    run.objective.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    train(run)
    assert torch.equal(seen[0], styles.mean)
    after = run.objective.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name.startswith(("encoder", "vgg")))
    assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith("decoder"))


def test_the_grid_loss_wants_crops_of_128_pixels(make_run: Callable[..., Run]) -> None:
    with pytest.raises(ValueError, match="grid_weight wants an image_size that 8 divides, from 128 on"):
        make_run(grid_weight=1.0, image_size=64, shorter_side_min=64, shorter_side_max=64)
    run = make_run(grid_weight=1.0, image_size=128, shorter_side_min=128, shorter_side_max=128)
    assert "grid" in first_losses(run)[0]


def test_frames_of_clips_are_held_to_each_other_in_the_same_style(
    make_run: Callable[..., Run], clips: Path, still_raft: Path
) -> None:
    keys = {"clips": str(clips), "flow_weights": str(still_raft), "temporal_weight": 1.0}
    run = make_run(batch_size=4, styles_per_content=2, style_pool=4, **keys)
    assert run.pool is not None
    assert run.raft is not None
    batch = next(iter(run.loader))
    assert batch.pairs is not None
    assert batch.pairs.shape == (2, 2, 3, 32, 32)
    content = as_images(batch.content, torch.device("cpu"))
    pairs = pairs_with_flow(run.raft, as_images(batch.pairs, torch.device("cpu")))
    styles = run.pool.take(torch.tensor([0, 1, 2, 3]))
    found, _ = run.objective(content, styles, batch.motion, pairs)
    # By hand: nothing moves, so each pixel of an output should be that of the output before.
    shown = [run.objective(frames, styles, batch.motion)[1].detach() for frames in (pairs.earlier, pairs.later)]
    assert found["temporal_clips"].item() == pytest.approx((shown[0] - shown[1]).square().mean().item(), rel=1e-3)
    assert found["temporal_clips"] > 0
    found["temporal_clips"].backward()
    assert any(parameter.grad is not None for parameter in run.objective.decoder.parameters())
    assert all(parameter.grad is None for parameter in run.raft.parameters())


@pytest.mark.parametrize("target", ["content", "adain"])
def test_the_content_loss_is_against_the_photo_or_against_adain_of_photo_and_style(
    make_run: Callable[..., Run], target: str
) -> None:
    run = make_run(content_target=target)
    batch = next(iter(run.loader))
    assert batch.styles is not None
    content = as_images(batch.content, torch.device("cpu"))
    styles = measured(run.objective.vgg, as_images(batch.styles, torch.device("cpu")), run.config)
    found, outputs = run.objective(content, styles, batch.motion)
    wanted = run.objective.vgg(content)
    if target == "adain":
        mean, deviation = wanted.mean((2, 3), keepdim=True), (wanted.var((2, 3), keepdim=True) + 1e-5).sqrt()
        wanted = (wanted - mean) / deviation * styles.std + styles.mean
    expected = (run.objective.vgg(outputs) - wanted).square().mean()
    assert found["content"].item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("kind", ["gram", "mean_std"])
def test_losses_under_bf16_are_float32_and_near_those_without(make_run: Callable[..., Run], kind: str) -> None:
    exact, _ = first_losses(make_run("exact", style_loss=kind))
    near, outputs = first_losses(make_run("near", style_loss=kind, use_amp=True, amp_dtype="bf16"))
    assert outputs.dtype == torch.float32
    for name, value in near.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact[name].item(), rel=0.1)


def test_each_output_takes_the_style_at_its_place(make_run: Callable[..., Run]) -> None:
    run = make_run(batch_size=4, styles_per_content=2, style_pool=4)
    assert run.pool is not None
    batch = next(iter(run.loader))
    styles = run.pool.take(torch.tensor([0, 1, 2, 3]))
    content = as_images(batch.content, torch.device("cpu"))
    _, outputs = run.objective(content, styles, batch.motion)
    for place in range(4):
        alone = run.pool.take(torch.tensor([place]))
        _, one = run.objective(content[place // 2 : place // 2 + 1], alone, batch.motion[:1])
        assert torch.allclose(outputs[place], one[0], atol=1e-5)


def test_the_pool_holds_what_the_judge_says_of_its_crops(make_run: Callable[..., Run]) -> None:
    run = make_run(style_pool=11)  # more than are measured at a time
    assert run.pool is not None
    assert run.pool.images.shape == (11, 3, 32, 32)
    features = run.objective.vgg.features(run.pool.images[9:10])
    for kept, target in zip(run.pool.targets, losses.style_targets(features, kind="gram"), strict=True):
        assert torch.allclose(kept[9:10], target, rtol=1e-3, atol=1e-4)


def test_a_run_begins_with_the_networks_it_is_given(make_run: Callable[..., Run]) -> None:
    first = make_run("first")
    train(first)
    second = make_run("second", start=first.folder, seed=5)
    assert second.step == 0
    for name, value in first.objective.decoder.state_dict().items():
        assert torch.equal(second.objective.decoder.state_dict()[name], value)
