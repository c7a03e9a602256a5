"""Frames of a working size reach the file at the picture's size, in the numbers of the video's own matrix and range."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.runtime.video.test_reader_and_writer import Unchanged
from tsn.runtime.frame import Frame
from tsn.runtime.pipeline import stylize_video
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

Draw = Callable[..., Any]
REDUCED = Settings(work_lines=40)


def frames(path: Path, settings: Settings, *, working: bool) -> tuple[VideoReader, list[Frame]]:
    with VideoReader(path, settings, working=working) as reader:
        return reader, list(reader)


def test_a_reader_gives_small_frames_and_the_full_luma_only_where_it_is_asked_to(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index, height=96) for index in range(2)])
    reader, small = frames(source, REDUCED, working=True)
    assert str(reader.size) != str(reader.work_size)
    assert min(reader.work_size.width, reader.work_size.height) == 40
    for frame in small:
        assert frame.luma is not None
        assert frame.luma.shape == (reader.size.height, reader.size.width)
        assert frame.rgb.shape == (reader.work_size.height, reader.work_size.width, 3)
    _, full = frames(source, REDUCED, working=False)
    assert full[0].luma is None
    assert full[0].rgb.shape[:2] == (reader.size.height, reader.size.width)


@pytest.mark.parametrize("height", [96, 97])
@pytest.mark.parametrize(("matrix", "full"), [(1, False), (6, True), (9, False)])
def test_unchanged_frames_come_back_in_their_colours(
    write_video: Draw, frames_of: Draw, drawn: Draw, tmp_path: Path, matrix: int, full: bool, height: int
) -> None:
    pictures = [np.full_like(drawn(0, height=height), (30, 60, 90)) + np.uint8(40 * index) for index in range(3)]
    source = write_video(
        tmp_path / "in.mkv",
        frames=pictures,
        matrix=matrix,
        color_range=2 if full else 1,
        pixel_format="yuv444p" if height % 2 else "yuv420p",
    )
    settings = Settings(work_lines=40, quality=95)
    target = tmp_path / "out.mkv"
    with (
        VideoReader(source, settings, working=True) as reader,
        VideoWriter(target, source=reader, settings=settings, threads=1) as writer,
    ):
        stylize_video(reader, Unchanged(), writer, progress=lambda done: None)
    _, before = frames(source, Settings(), working=False)
    _, after = frames(target, Settings(), working=False)
    assert [frame.time for frame in after] == [frame.time for frame in before]
    for one, other in zip(before, after, strict=True):
        assert np.abs(one.rgb.astype(int) - other.rgb).mean() < 3  # levels


def test_turned_and_scaled_frames_keep_luma_and_picture_together(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    source = write_video(tmp_path / "in.mp4", frames=[drawn(0, height=96)], rotation=90)
    settings = Settings(work_lines=30, shorter_side=60)
    reader, (frame,) = frames(source, settings, working=True)
    assert frame.luma is not None
    assert frame.luma.shape == (reader.size.height, reader.size.width)
    small = cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2GRAY).astype(float)
    luma = cv2.resize(frame.luma, small.shape[::-1], interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(small.ravel(), luma.ravel())[0, 1] > 0.9
