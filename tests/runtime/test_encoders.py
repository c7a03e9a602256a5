"""What each encoder takes, and what is said where it does not."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.test_video import Unchanged, copy, times
from tsn.runtime.encoders import choose_encoding
from tsn.runtime.errors import UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.job import Settings
from tsn.runtime.pipeline import stylize_video
from tsn.runtime.video_reader import read_video
from tsn.runtime.video_writer import write_video as open_writer

Draw = Callable[..., Any]


@pytest.mark.parametrize(("codec", "least", "suffix", "other"), [
    ("av1", 32, ".mp4", "h264"), ("av1", 32, ".webm", "vp9"), ("hevc", 16, ".mkv", "h264"),
])  # fmt: skip
def test_frames_too_small_for_a_codec_name_its_least_side_and_another_codec(
    write_video: Draw, drawn: Draw, tmp_path: Path, codec: str, least: int, suffix: str, other: str
) -> None:
    frames = [drawn(index, width=64, height=48) for index in range(3)]
    source = write_video(tmp_path / "in.mp4", frames=frames)
    with pytest.raises(UsageError, match=rf"{codec} takes frames from {least} .*--codec {other}.*--size"):
        copy(source, tmp_path / f"small{suffix}", codec=codec, size=Size(64, least - 2))
    _, writer, _ = copy(source, tmp_path / f"out{suffix}", codec=codec, size=Size(64, least))
    assert writer.written == 3


def test_av1_takes_more_frames_a_second_than_its_encoder_lets_itself_be_told(
    write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    frames = [drawn(index) for index in range(12)]
    ticks = [30 * index for index in range(12)]
    source = write_video(tmp_path / "in.mp4", frames=frames, ticks=ticks, time_base=Fraction(1, 12_000))
    copy(source, tmp_path / "out.mp4", codec="av1")
    found = times(tmp_path / "out.mp4")
    assert len(found) == 12
    assert all(after - before == Fraction(1, 400) for before, after in pairwise(found))


@pytest.mark.parametrize(("asked", "given"), [(None, 0), (3, 3), (16, 16), (64, 16)])
def test_an_encoder_is_never_given_more_threads_than_it_takes(asked: int | None, given: int) -> None:
    settings = {"codec": "hevc", "size": Size(64, 48), "rate": Fraction(25), "quality": 50}
    assert choose_encoding(Path("out.mp4"), threads=asked, **settings).threads == given


def test_hevc_is_written_on_a_machine_of_many_cores(write_video: Draw, tmp_path: Path) -> None:
    chosen = Settings(codec="hevc")
    source = write_video(tmp_path / "in.mp4")
    with (
        read_video(source, chosen) as reader,
        open_writer(tmp_path / "out.mp4", source=reader, settings=chosen, threads=64) as writer,
    ):
        stylize_video(reader, Unchanged(), writer, progress=lambda done: None)
    assert writer.written == 8
