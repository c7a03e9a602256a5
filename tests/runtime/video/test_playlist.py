"""A playlist whose segments are missing is incomplete, and a whole one is not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.runtime.video.test_reader_and_writer import copy

Draw = Callable[..., Any]


@pytest.fixture
def playlist(write_video: Draw, drawn: Draw, tmp_path: Path) -> Path:
    """Four seconds in segments of 1.0, 1.2, 1.76 and 0.04 s or so, with sound."""
    frames = [drawn(index) for index in range(100)]
    source = write_video(tmp_path / "in.mp4", frames=frames, options={"g": "25", "bf": "0"}, audio=["aac"])
    options = {"hls_time": "1", "hls_list_size": "0", "hls_playlist_type": "vod"}
    with av.open(str(source)) as given, av.open(str(tmp_path / "in.m3u8"), "w", options=options) as taken:
        copies = {stream.index: taken.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                taken.mux(packet)
    return tmp_path / "in.m3u8"


def test_a_whole_playlist_is_whole(playlist: Path, tmp_path: Path) -> None:
    reader, _, stages = copy(playlist, tmp_path / "out.mp4")
    assert (stages.frames_out, reader.missing) == (100, 0)


@pytest.mark.parametrize("number", [1, 2])
def test_what_lies_in_a_missing_segment_is_counted(playlist: Path, tmp_path: Path, number: int) -> None:
    playlist.with_name(f"in{number}.ts").unlink()
    reader, _, stages = copy(playlist, tmp_path / "out.mp4")
    assert stages.frames_out < 90
    assert stages.frames_out + reader.missing == pytest.approx(100, abs=3)


def test_a_playlist_of_playlists_is_as_whole_as_its_most_complete(playlist: Path, tmp_path: Path) -> None:
    stream = "#EXT-X-STREAM-INF:BANDWIDTH=100000\n"
    (tmp_path / "all.m3u8").write_text(f"#EXTM3U\n{stream}in.m3u8\n{stream}gone.m3u8\n")
    reader, _, _ = copy(tmp_path / "all.m3u8", tmp_path / "out.mp4")
    assert reader.missing == 0
    playlist.with_name("in1.ts").unlink()
    reader, _, _ = copy(tmp_path / "all.m3u8", tmp_path / "less.mp4")
    assert reader.missing > 10
