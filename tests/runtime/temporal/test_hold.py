"""Temporal stability of a run, on the tiny bundle."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from tests.runtime.temporal.test_flow import textured
from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.cli import tsn_run
from tsn.runtime.command.answer import Answer
from tsn.runtime.errors import UsageError
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.flow import DisFlow, Flow, OnHost
from tsn.runtime.temporal.hold import FADE, PERIOD, TemporalBlend, open_flow

RGB = NDArray[np.uint8]


@pytest.fixture
def stylizer(tiny_bundle: Path) -> Stylizer:
    """A stylizer that holds its frames."""
    bundle, backend = open_bundle(tiny_bundle), open_backend("cpu", threads=1)
    style = mixed_style(bundle, backend, [StyleChoice(source="noise")], size=64)
    return Stylizer(bundle, backend, style=style, temporal=TemporalBlend(bundle, backend, flow=OnHost(DisFlow())))


def pan(frames: int, *, step: int = 1, noise: int = 0) -> Iterator[RGB]:
    """A picture that moves to the left, with new noise of some levels on every frame: what makes a style flicker."""
    random = np.random.default_rng(0)
    wide = textured(96, 128 + frames * step).astype(np.int16)
    for number in range(frames):
        shown = wide[:, number * step : number * step + 128]
        yield (shown + random.integers(-noise, noise + 1, shown.shape)).clip(0, 255).astype(np.uint8)


def flicker(frames: list[RGB], *, step: int) -> float:
    """The mean difference of each frame to the one before, moved along."""
    pairs = pairwise(frames)
    return float(np.mean([np.abs(b[:, :-step].astype(float) - a[:, step:]).mean() for a, b in pairs]))


def test_a_pan_with_noise_flickers_far_less_and_keeps_its_contrast(stylizer: Stylizer) -> None:
    frames = list(pan(40, noise=12))
    held = [stylizer(frame) for frame in frames]
    assert stylizer.temporal is not None
    assert stylizer.temporal.cuts == []
    stylizer.temporal = None
    alone = [stylizer(frame) for frame in frames]
    assert flicker(held[1:], step=1) < 0.5 * flicker(alone[1:], step=1)
    contrast = np.mean([frame.std() for frame in held]) / np.mean([frame.std() for frame in alone])
    assert 0.9 < contrast < 1.1


def test_200_equal_frames_come_out_equal_and_do_not_drift(stylizer: Stylizer) -> None:
    frame = next(pan(1))
    shown = [stylizer(frame).astype(int) for _ in range(200)]
    for before, after in pairwise(shown[9:]):
        assert np.abs(before - after).max() <= 1
    assert abs(shown[199].mean() - shown[0].mean()) < 0.5


def test_a_cut_is_reported_and_leaves_no_ghost(stylizer: Stylizer) -> None:
    assert stylizer.temporal is not None
    before, after = list(pan(20)), 255 - textured(96, 128, seed=7)
    for frame in before:
        stylizer(frame)
    shown = stylizer(after)
    assert stylizer.temporal.cuts == [20]
    stylizer.temporal = None
    assert np.abs(shown.astype(int) - stylizer(after)).max() <= 1


def test_flow_that_finds_the_right_brightness_in_torn_places_leaves_no_ghost(tiny_bundle: Path) -> None:
    """As at a cut between scenes in fog: nothing but the flow itself tells that it is no motion."""

    def torn(current: RGB, previous: RGB) -> Flow:
        coarse = np.random.default_rng(0).normal(0, 8, (12, 16, 2)).astype(np.float32)
        return np.asarray(cv2.resize(coarse, (128, 96), interpolation=cv2.INTER_CUBIC), np.float32)

    bundle, backend = open_bundle(tiny_bundle), open_backend("cpu", threads=1)
    style = mixed_style(bundle, backend, [StyleChoice(source="noise")], size=64)
    stylizer = Stylizer(bundle, backend, style=style, temporal=TemporalBlend(bundle, backend, flow=OnHost(torn)))
    assert stylizer.temporal is not None
    fog, fog_after = ((128 + textured(96, 128, seed) // 64).astype(np.uint8) for seed in (3, 7))
    stylizer(fog)
    shown = stylizer(fog_after)
    assert stylizer.temporal.cuts == [1]
    stylizer.temporal = None
    np.testing.assert_array_equal(shown, stylizer(fog_after))


def test_action_that_wears_the_anchors_out_is_no_cut(stylizer: Stylizer) -> None:
    assert stylizer.temporal is not None
    scene = textured(96, 128)
    x, y = np.meshgrid(np.arange(128, dtype=np.float32), np.arange(96, dtype=np.float32))
    for number in range(30):  # waves that grow: nothing jumps, and soon no place is where it was
        swing = np.float32(0.5 * number)
        waves = swing * np.sin(y / 6), swing * np.sin(x / 6)
        stylizer(np.asarray(cv2.remap(scene, x + waves[0], y + waves[1], cv2.INTER_LINEAR), np.uint8))
    assert stylizer.temporal.cuts == []


def test_a_flash_of_white_leaves_no_ghost(stylizer: Stylizer) -> None:
    assert stylizer.temporal is not None
    for frame in pan(20):
        stylizer(frame)
    white = np.full((96, 128, 3), 255, np.uint8)
    shown = stylizer(white)
    stylizer.temporal = None
    assert np.abs(shown.astype(int) - stylizer(white)).mean() < 2


def test_a_fade_to_black_ends_in_the_styled_black(stylizer: Stylizer) -> None:
    assert stylizer.temporal is not None
    scene = textured(96, 128)
    for share in (1, 1, 1, 0.75, 0.5, 0.25):
        stylizer((scene * share).astype(np.uint8))
    black = np.zeros_like(scene)
    shown = stylizer(black)
    stylizer.temporal = None
    assert np.abs(shown.astype(int) - stylizer(black)).mean() < 1


def test_a_film_drawn_in_twos_changes_only_when_its_drawings_do(stylizer: Stylizer) -> None:
    for frame in pan(30, noise=8):
        once, twice = stylizer(frame), stylizer(frame.copy())
        np.testing.assert_array_equal(once, twice)


def test_strength_0_shows_every_frame_as_it_is_styled(tiny_bundle: Path, stylizer: Stylizer) -> None:
    bundle, backend = open_bundle(tiny_bundle), open_backend("cpu", threads=1)
    stylizer.temporal = TemporalBlend(bundle, backend, flow=OnHost(DisFlow()), strength=0)
    frames = list(pan(4, noise=8))
    held = [stylizer(frame) for frame in frames]
    stylizer.temporal = None
    for shown, frame in zip(held, frames, strict=True):
        np.testing.assert_array_equal(shown, stylizer(frame))


def test_a_frame_of_another_size_begins_anew(stylizer: Stylizer) -> None:
    assert stylizer.temporal is not None
    stylizer(textured(96, 128))
    assert stylizer(textured(60, 80)).shape == (60, 80, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_frames_neither_gain_contrast_nor_drift(stylizer: Stylizer) -> None:
    frames = list(pan(50, noise=8))
    there_and_back = [*frames, *frames[-2:0:-1]]
    shown = [stylizer(there_and_back[number % len(there_and_back)]) for number in range(1000)]
    early = np.mean([frame.std() for frame in shown[100:300]])
    late = np.mean([frame.std() for frame in shown[800:]])
    assert abs(late / early - 1) < 0.02
    assert abs(np.mean(shown[100:300]) - np.mean(shown[800:])) < 1


def test_raft_is_refused_where_the_bundle_has_none(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="has no flow network") as refused:
        open_flow("raft", open_bundle(tiny_bundle), open_backend("cpu"))
    assert "--flow dis" in refused.value.cure


def test_an_anchor_has_taken_over_before_the_next_one_comes() -> None:
    assert FADE < PERIOD


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A folder's video of a pan with one cut at frame 12."""
    import av

    file = tmp_path / "clip.mp4"
    with av.open(file, "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for frame in (*pan(12), *(255 - picture[::-1] for picture in pan(6))):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")))
        container.mux(stream.encode())
    return file


def run(*arguments: object) -> dict[str, object]:
    answer = Answer(wanted=True)
    words = [*map(str, arguments), "--json", "-q"]
    CliRunner().invoke(tsn_run, words, obj=answer, catch_exceptions=False)
    assert answer.document is not None
    return dict(answer.document)


def test_tsn_run_reports_the_cuts_it_found(tiny_bundle: Path, clip: Path) -> None:
    report = run(tiny_bundle, clip, "--style", "noise", "--temporal", "-o", clip.with_name("held.mp4"))
    assert report["temporal"] is True
    assert report["cuts"] == [12]


def test_a_bundle_without_flow_is_temporal_only_on_request(tiny_bundle: Path, clip: Path) -> None:
    assert run(tiny_bundle, clip, "--style", "noise", "-o", clip.with_name("a.mp4"))["temporal"] is False
    assert (
        run(tiny_bundle, clip, "--style", "noise", "--flow", "dis", "-o", clip.with_name("b.mp4"))["temporal"] is True
    )
    strength = ("--temporal-strength", "0.5", "-o", clip.with_name("c.mp4"))
    assert run(tiny_bundle, clip, "--style", "noise", *strength)["temporal"] is True


def test_options_that_contradict_each_other_are_refused(tiny_bundle: Path, clip: Path) -> None:
    with pytest.raises(UsageError, match="flow is for temporal stability, which is off"):
        run(tiny_bundle, clip, "--style", "noise", "--no-temporal", "--flow", "dis")
    with pytest.raises(UsageError, match="temporal_strength is for temporal stability, which is off"):
        run(tiny_bundle, clip, "--style", "noise", "--no-temporal", "--temporal-strength", "0.5")
    with pytest.raises(UsageError, match=r"temporal_strength is 1\.5"):
        run(tiny_bundle, clip, "--style", "noise", "--temporal-strength", "1.5")
