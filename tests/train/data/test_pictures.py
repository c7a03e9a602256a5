"""Crops by number, the order of an epoch, and pictures that cannot be read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tsn.runtime.errors import InputError
from tsn.train.config import Config
from tsn.train.data.clips import Clips, find_clips
from tsn.train.data.draws import order
from tsn.train.data.pictures import Crops, Numbers, Pictures, collate, find_pictures, recoloured

KEYS: dict[str, Any] = {"image_size": 32, "shorter_side_min": 32, "shorter_side_max": 48, "num_workers": 0}


def crops(photos: Path, paintings: Path, **keys: Any) -> Crops:
    config = Config.model_validate({**KEYS, **keys})
    sides = (config.shorter_side_min, config.shorter_side_max)
    return Crops(Pictures([find_pictures(photos)], sides), Pictures([find_pictures(paintings)], sides), config)


def test_pictures_are_found_in_deeper_folders_and_other_files_are_not(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "deeper").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "deeper" / "A.JPG")
    assert [path.name for path in find_pictures(tmp_path)] == ["A.JPG"]
    assert len(find_pictures(photos)) == 6


def test_a_folder_without_pictures_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no picture in .* or below"):
        find_pictures(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        find_pictures(tmp_path / "none")


def test_a_number_always_gives_the_same_sample_and_another_number_another(photos: Path, paintings: Path) -> None:
    first, second = crops(photos, paintings), crops(photos, paintings)
    for _ in range(3):
        second[int(np.random.default_rng(0).integers(50))]  # whatever was asked before
    assert torch.equal(first[17].content, second[17].content)
    assert torch.equal(first[17].motion, second[17].motion)
    assert first[17].styles is not None
    assert second[17].styles is not None
    assert torch.equal(first[17].styles, second[17].styles)
    assert not torch.equal(first[17].content, first[18].content)
    other = crops(photos, paintings, seed=1)
    assert not torch.equal(first[17].content, other[17].content)


def test_small_pictures_are_enlarged_to_the_crop(photos: Path, paintings: Path) -> None:
    samples = crops(photos, paintings)
    assert {tuple(samples[number].content.shape) for number in range(12)} == {(3, 32, 32)}


def test_an_epoch_takes_each_photo_once_and_the_next_in_another_order() -> None:
    assert sorted(order(0, 0, 50).tolist()) == list(range(50))
    assert order(0, 0, 50).tolist() != order(0, 1, 50).tolist()
    assert order(0, 0, 50).tolist() != order(1, 0, 50).tolist()


def test_processes_share_an_epoch_without_overlap_and_match_one_process_with_their_batches_together() -> None:
    ranks = [list(Numbers(photos=21, contents=3, epochs=2, rank=rank, world=2)) for rank in (0, 1)]
    alone = list(Numbers(photos=21, contents=6, epochs=2))
    assert not set(ranks[0]) & set(ranks[1])
    steps = [part[i : i + 3] for i in range(0, len(ranks[0]), 3) for part in ranks]
    assert [number for step in steps for number in step] == alone
    assert alone == [*range(18), *range(21, 39)]  # three photos of each epoch are left over


def test_processes_take_other_pairs_of_clips_and_together_those_of_one_process(
    photos: Path, paintings: Path, clips: Path
) -> None:
    config = Config.model_validate({**KEYS, "clips": str(clips), "temporal_weight": 1.0})
    plain = crops(photos, paintings)
    samples = Crops(plain.contents, plain.styles, config, Clips(find_clips(clips), config))
    counts = {"photos": len(samples), "epochs": 1}
    ranks = [[samples[number].pair for number in Numbers(contents=1, rank=rank, world=2, **counts)] for rank in (0, 1)]
    alone = [samples[number].pair for number in Numbers(contents=2, **counts)]
    taken = [pair for step in zip(*ranks, strict=True) for pair in step if pair is not None]
    assert len(taken) == len(alone) == 6
    assert all(pair is not None and torch.equal(pair, other) for pair, other in zip(alone, taken, strict=True))
    assert not any(torch.equal(one, other) for place, one in enumerate(taken) for other in taken[:place])
    assert crops(photos, paintings)[0].pair is None
    assert torch.equal(crops(photos, paintings)[3].content, samples[3].content)  # clips change nothing else


def test_a_resumed_sampler_goes_on_in_the_middle_of_an_epoch() -> None:
    numbers = Numbers(photos=10, contents=2, epochs=3)
    everything = list(numbers)
    numbers.first_step = 7
    assert list(numbers) == everything[14:]
    assert len(numbers) == len(everything) - 14


def test_a_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match="there are 5 photos, but one step takes 8"):
        Numbers(photos=5, contents=4, epochs=1, world=2)


def test_an_unreadable_picture_is_left_out_named_once_and_replaced_by_the_next(paintings: Path, tmp_path: Path) -> None:
    for number in range(3):
        Image.fromarray(np.full((40, 40, 3), 60 * number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes((tmp_path / "1.png").read_bytes()[:60])
    samples = crops(tmp_path, paintings)
    taken = [samples[number] for number in range(6)]
    named = {name for sample in taken for name in sample.unreadable}
    assert len(named) == 1
    assert "1.png" in named.pop()
    assert sum(bool(sample.unreadable) for sample in taken) == 1
    assert {int(sample.content.max()) for sample in taken} == {0, 120}


def test_when_no_picture_can_be_read_the_error_says_why(paintings: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"none of the 1 pictures .* can be read: .*broken\.jpg is not a picture"):
        crops(tmp_path, paintings)[0]


def test_one_style_picture_is_enough(photos: Path, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "only.png")
    batch = collate([crops(photos, tmp_path, styles_per_content=2, batch_size=4)[number] for number in (0, 1)])
    assert batch.styles is not None
    assert batch.styles.shape == (4, 3, 32, 32)
    assert batch.styles[:, 0].min() == 255


def test_each_style_folder_has_the_same_share_whatever_its_size(tmp_path: Path) -> None:
    for name, count, shade in (("few", 1, 0), ("many", 30, 255)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (32, 32), (shade, shade, shade)).save(tmp_path / name / f"{number}.png")
    styles = Pictures([find_pictures(tmp_path / "few"), find_pictures(tmp_path / "many")], (32, 32))
    random = np.random.default_rng(0)
    dark = sum(int(styles.crop(32, random).max()) == 0 for _ in range(200))
    assert 70 < dark < 130


def test_recolouring_keeps_a_grey_picture_grey_and_turns_the_hue_of_others() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    red = np.zeros((8, 8, 3), np.uint8) + np.array([200, 40, 40], np.uint8)
    hues = set()
    for seed in range(20):
        found = recoloured(grey, np.random.default_rng(seed))[0, 0].astype(int)
        assert found.max() - found.min() <= 1
        hues.add(int(recoloured(red, np.random.default_rng(seed))[0, 0].argmax()))
    assert hues == {0, 1, 2}
