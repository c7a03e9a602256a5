"""Animated WebP is a video like any other."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.runtime.video.test_reader_and_writer import copy, times
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.webp import is_animated_webp

Draw = Callable[..., Any]


def animated(path: Path, drawn: Draw) -> Path:
    pictures = [Image.fromarray(drawn(index)) for index in range(4)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[40, 80, 200, 120], lossless=True)
    return path


def test_its_pictures_come_each_at_its_time_and_for_as_long(drawn: Draw, tmp_path: Path) -> None:
    with VideoReader(animated(tmp_path / "in.webp", drawn), Settings()) as reader:
        frames = list(reader)
        film = reader.path
    assert [frame.time for frame in frames] == [Fraction(at, 1000) for at in (0, 40, 120, 320)]
    assert [frame.duration for frame in frames] == [Fraction(length, 1000) for length in (40, 80, 200, 120)]
    assert all((frame.rgb == drawn(index)).all() for index, frame in enumerate(frames))
    assert not film.exists()


def test_it_is_written_as_a_video(drawn: Draw, tmp_path: Path) -> None:
    _, writer, stages = copy(animated(tmp_path / "in.webp", drawn), tmp_path / "out.mp4")
    assert (stages.frames_out, writer.notes) == (4, [])
    assert [round(1000 * time) for time in times(tmp_path / "out.mp4")] == [0, 40, 120, 320]


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    halves = [Image.new("RGBA", (32, 24), (0, 0, 0, 0)) for _ in range(2)]
    for half, red in zip(halves, (200, 50), strict=True):
        half.paste((red, 0, 0, 128), (0, 0, 16, 24))
    halves[0].save(tmp_path / "in.webp", save_all=True, append_images=halves[1:], duration=100, lossless=True)
    with VideoReader(tmp_path / "in.webp", Settings()) as reader:
        frames = [frame.rgb for frame in reader]
    assert [int(frame[0, 0, 0]) for frame in frames] == pytest.approx([227, 152], abs=2)  # half of it is white
    assert all((frame[:, 16:] == 255).all() for frame in frames)


def test_a_still_one_is_none(drawn: Draw, tmp_path: Path) -> None:
    Image.fromarray(drawn(0)).save(tmp_path / "still.webp")
    assert not is_animated_webp(tmp_path / "still.webp")
    assert is_animated_webp(animated(tmp_path / "in.webp", drawn))
