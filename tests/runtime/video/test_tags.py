"""What a file says of itself and of its tracks comes out again."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.stream import Disposition

from tests.runtime.video.test_reader_and_writer import copy

Draw = Callable[..., Any]


def written(path: Path, drawn: Draw, *, chapters: bool = False, **of_the_track: str) -> Path:
    """A short video whose picture track has tags, a disposition and, if so asked, chapters."""
    with av.open(str(path), "w") as container:
        if chapters:
            base = Fraction(1, 1000)
            parts = [("one", 0, 100), ("two", 100, 200)]
            container.set_chapters(
                [
                    {"id": index, "start": start, "end": end, "time_base": base, "metadata": {"title": title}}
                    for index, (title, start, end) in enumerate(parts)
                ]
            )
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.metadata.update(of_the_track)
        stream.disposition = Disposition.default | Disposition.original
        for index in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(index), format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("given", "taken"), [(".mkv", ".mkv"), (".mp4", ".mp4"), (".mp4", ".mkv"), (".mkv", ".mp4")])
def test_the_picture_keeps_its_language_and_title(drawn: Draw, tmp_path: Path, given: str, taken: str) -> None:
    source = written(tmp_path / f"in{given}", drawn, language="fre", title="Camera two")
    copy(source, tmp_path / f"out{taken}")
    with av.open(str(tmp_path / f"out{taken}")) as container:
        tags = container.streams.video[0].metadata
        assert tags["language"] == "fre"
        assert (tags.get("title") or tags.get("name")) == "Camera two"


def test_the_picture_keeps_its_disposition(drawn: Draw, tmp_path: Path) -> None:
    copy(written(tmp_path / "in.mkv", drawn), tmp_path / "out.mkv")
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].disposition == Disposition.default | Disposition.original


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_tags_of_any_name_are_kept(write_video: Draw, tmp_path: Path, suffix: str) -> None:
    tags = {"title": "A walk", "com.android.version": "14", "weather": "rain"}
    source = write_video(tmp_path / "in.mkv", metadata=tags)
    copy(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
    assert {key: found[key] for key in tags} == tags


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_usual_tags_alone_are_written_as_every_player_reads_them(
    write_video: Draw, tmp_path: Path, suffix: str
) -> None:
    tags = {"title": "A walk", "artist": "Someone", "date": "2024", "comment": "none", "genre": "film"}
    copy(write_video(tmp_path / "in.mp4", metadata=tags), tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert {key: container.metadata[key] for key in tags} == tags
    assert b"\xa9nam" in (tmp_path / f"out{suffix}").read_bytes()


def test_chapters_are_kept_without_a_word_and_a_part_says_that_it_has_none(drawn: Draw, tmp_path: Path) -> None:
    source = written(tmp_path / "in.mp4", drawn, chapters=True)
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one", "two"]
    assert writer.notes == []
    _, writer, _ = copy(source, tmp_path / "part.mp4", max_frames=3)
    with av.open(str(tmp_path / "part.mp4")) as container:
        assert container.chapters() == []
    assert len(writer.notes) == 1
    assert "chapters are left out" in writer.notes[0]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v"])
@pytest.mark.parametrize("tags", [{}, {"weather": "rain"}])
def test_the_index_stands_in_front_so_that_a_player_begins_at_once(
    write_video: Draw, tmp_path: Path, suffix: str, tags: dict[str, str]
) -> None:
    copy(write_video(tmp_path / "in.mkv", metadata=tags), tmp_path / f"out{suffix}")
    data = (tmp_path / f"out{suffix}").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_the_timecode_of_the_first_frame_is_kept_and_a_part_says_that_it_has_none(
    drawn: Draw, tmp_path: Path, suffix: str
) -> None:
    source = written(tmp_path / "in.mov", drawn, timecode="01:02:03:04")
    _, writer, _ = copy(source, tmp_path / f"out{suffix}")
    assert writer.notes == []
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        tags = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
    assert tags["timecode"] == "01:02:03:04"
    _, writer, _ = copy(source, tmp_path / f"part{suffix}", start=Fraction(1, 10))
    assert any("timecode is left out" in note for note in writer.notes)
    with av.open(str(tmp_path / f"part{suffix}")) as container:
        assert not any("timecode" in map(str.lower, stream.metadata) for stream in container.streams)
        assert "timecode" not in container.metadata
