"""Pairs of frames by number, and clips that cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tsn.runtime.errors import InputError
from tsn.train.config import Config
from tsn.train.data.clips import Clips, find_clips

KEYS: dict[str, Any] = {"image_size": 32, "shorter_side_min": 32, "shorter_side_max": 48, "temporal_weight": 1.0}
STEP = 4  # levels by which a frame is brighter than the one before it


def clips_in(folder: Path, **keys: Any) -> Clips:
    return Clips(find_clips(folder), Config.model_validate({**KEYS, "clips": str(folder), **keys}))


def brightness(pair: torch.Tensor) -> list[float]:
    """Of the earlier and of the later frame, less that of the texture."""
    return [float(value) - 30 for value in pair.float().mean(dim=(1, 2, 3))]


def test_videos_are_found_in_deeper_folders_and_other_files_are_not(clips: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    assert [path.name for path in find_clips(clips)] == ["a.mp4", "b.mkv", "broken.mp4", "c.mp4", "D.AVI"]
    assert find_clips(clips / "a.mp4") == [clips / "a.mp4"]
    for folder in (tmp_path, photos):
        with pytest.raises(InputError, match=r"there is no video in .* or below. Wanted: .*\.mp4"):
            find_clips(folder)
    with pytest.raises(InputError, match=r"there is no folder .*none, which --clips names"):
        find_clips(tmp_path / "none")


def test_a_pair_is_the_same_crop_of_two_frames_that_follow_each_other(clips: Path) -> None:
    source = clips_in(clips)
    for number in range(12):
        pair = source.pair(number)
        assert pair.shape == (2, 3, 32, 32)
        earlier, later = pair.float()
        assert (later - earlier).mean().item() == pytest.approx(STEP, abs=1)
        assert (later - earlier).std() < 0.5 * earlier.std()  # another crop would show another part of the texture


def test_a_number_always_gives_the_same_pair_whatever_was_read_before(clips: Path) -> None:
    first, second = clips_in(clips), clips_in(clips)
    taken = {number: first.pair(number) for number in (3, 9, 17)}
    for number in (0, 1, 17, 3, 9):
        pair = second.pair(number)
        assert number not in taken or torch.equal(pair, taken[number])
    assert not torch.equal(taken[3], taken[9])
    assert not torch.equal(taken[3], clips_in(clips, seed=1).pair(3))


def test_each_clip_is_taken_once_before_any_comes_again(draw_clip: Callable[..., Path], tmp_path: Path) -> None:
    for shade in (0, 60, 120):
        draw_clip(tmp_path / f"{shade}.mp4", shade=shade)
    source = clips_in(tmp_path)
    turns = [
        [round((brightness(source.pair(3 * turn + place))[0] - 18) / 60) for place in range(3)] for turn in range(6)
    ]
    assert all(sorted(turn) == [0, 1, 2] for turn in turns)
    assert len(set(map(tuple, turns))) > 1


def test_pairs_come_from_all_of_a_clip(draw_clip: Callable[..., Path], tmp_path: Path) -> None:
    draw_clip(tmp_path / "only.mp4", frames=10)
    source = clips_in(tmp_path)
    places = {round((brightness(source.pair(number))[0] - 100) / STEP) for number in range(60)}
    assert len(places) >= 9  # of ten frames; the texture makes one more of some


def test_a_broken_clip_is_left_out_named_and_replaced_by_the_next(clips: Path) -> None:
    source = clips_in(clips)
    for number in range(5):
        source.pair(number)
    assert [path.name for path in source.unreadable] == ["broken.mp4"]
    assert "broken.mp4 is no video that can be read" in source.unreadable[clips / "broken.mp4"]


def test_where_a_place_cannot_be_read_the_beginning_serves(draw_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = draw_clip(tmp_path / "a.mkv", frames=40)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    source = clips_in(tmp_path)
    for number in range(20):
        earlier, later = brightness(source.pair(number))
        assert later - earlier == pytest.approx(STEP, abs=1)
    assert not source.unreadable


def test_when_no_clip_can_be_read_the_error_says_why(draw_clip: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    draw_clip(tmp_path / "b.mp4", frames=1)
    with pytest.raises(InputError, match=r"none of the 2 clips can be read: .*a\.mp4 is no video"):
        clips_in(tmp_path).refuse_unreadable()
    (tmp_path / "a.mp4").unlink()
    with pytest.raises(InputError, match=r"b\.mp4 gives no two whole frames"):
        clips_in(tmp_path).refuse_unreadable()
