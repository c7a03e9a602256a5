"""Interlaced videos come out as whole pictures, progressive ones as they are."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.runtime.video.test_reader_and_writer import copy, times
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]


def bar(moment: int) -> NDArray[np.uint8]:
    """A bright bar on grey that moves 2 pixels a field."""
    picture = np.full((64, 96, 3), 90, np.uint8)
    picture[:, 8 + 2 * moment : 24 + 2 * moment] = 220
    return picture


def woven(path: Path, *, codec: str, top_first: bool = True, frames: int = 12) -> Path:
    """A video whose frames have the lines of two moments."""
    options = {"flags": "+ilme+ildct"}
    options |= {"x264-params": f"{'tff' if top_first else 'bff'}=1"} if codec == "libx264" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={**options, "crf": "5", "b": "5M"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv422p" if codec == "mpeg2video" else "yuv420p"
        for index in range(frames):
            early, late = bar(2 * index), bar(2 * index + 1)
            picture = early.copy()
            picture[1 if top_first else 0 :: 2] = late[1 if top_first else 0 :: 2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def combing(rgb: NDArray[np.uint8]) -> float:
    """How much lines differ from both neighbours, on average."""
    grey = rgb[..., 1].astype(int)
    above, line, below = grey[:-2], grey[1:-1], grey[2:]
    return float(np.clip((line - above) * (line - below), 0, None).mean())


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "libx264"), (".mp4", "libx264"), (".ts", "libx264")])
@pytest.mark.parametrize("top_first", [True, False])
def test_fields_become_whole_pictures_each_at_its_time(
    tmp_path: Path, suffix: str, codec: str, top_first: bool
) -> None:
    source = woven(tmp_path / f"in{suffix}", codec=codec, top_first=top_first)
    reader, writer, stages = copy(source, tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing, reader.damaged) == (12, 0, 0)
    assert writer.notes == ["it is interlaced: whole pictures are made of its fields"]
    assert times(tmp_path / "out.mp4") == [Fraction(index, 25) for index in range(12)]
    with VideoReader(source, Settings()) as made, VideoReader(source, Settings(deinterlace="off")) as left:
        whole, combed = [frame.rgb for frame in made], [frame.rgb for frame in left]
    assert max(map(combing, whole[2:-2])) < min(map(combing, combed[2:-2])) / 10
    for index in range(2, 10):
        assert np.abs(whole[index].astype(int) - bar(2 * index)).mean() < 8  # the earlier field's moment


def test_without_it_the_note_says_what_is_seen(tmp_path: Path) -> None:
    _, writer, _ = copy(woven(tmp_path / "in.mkv", codec="libx264"), tmp_path / "out.mp4", deinterlace="off")
    assert writer.notes == ["it is interlaced, and is not deinterlaced: what moves is combed"]


def test_a_progressive_video_is_left_alone(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4")
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == []


def test_a_part_of_an_interlaced_video_has_its_frames(tmp_path: Path) -> None:
    source = woven(tmp_path / "in.mp4", codec="libx264", frames=30)
    with VideoReader(source, Settings(start=Fraction(2, 5), duration=Fraction(2, 5))) as reader:
        frames = [(frame.time, frame.duration) for frame in reader]
    assert frames == [(Fraction(index, 25), Fraction(1, 25)) for index in range(10)]
