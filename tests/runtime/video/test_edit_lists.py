"""What an edit list hides is neither shown nor heard; what it shows runs on."""

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.test_reader_and_writer import copy, packets, times
from tests.runtime.video.test_tracks import filmed, sound
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
Shown = Sequence[tuple[float, float]]  # where parts begin, in seconds of the media, and how long they are
_NESTED = (b"moov", b"trak", b"edts", b"mdia")


def with_edits(source: Path, parts: Shown) -> Path:
    """Give all tracks of an MP4 an edit list of parts. Its moov stands behind the media, so nothing else moves."""
    data = source.read_bytes()
    at = data.rindex(b"moov") - 4
    assert data.rindex(b"mdat") < at
    source.write_bytes(data[:at] + _edited(data[at:], parts, 0))
    return source


def _edited(boxes: bytes, parts: Shown, media_scale: int) -> bytes:
    result, at = b"", 0
    while at < len(boxes):
        length, name = struct.unpack_from(">I4s", boxes, at)
        content = boxes[at + 8 : at + length]
        if name == b"trak":
            header = content.index(b"mdhd") + 4
            media_scale = struct.unpack_from(">I", content, header + 12)[0]
        if name in _NESTED:
            content = _edited(content, parts, media_scale)
        if name == b"elst":
            first = struct.unpack_from(">i", content, 12)[0]  # where the media's own time 0 is: its reordering
            entries = [(round(1000 * length), first + round(begin * media_scale), 0x10000) for begin, length in parts]
            content = struct.pack(">II", 0, len(entries)) + b"".join(struct.pack(">IiI", *entry) for entry in entries)
        result += struct.pack(">I4s", 8 + len(content), name) + content
        at += length
    return result


@pytest.fixture
def film(drawn: Draw, tmp_path: Path) -> Path:
    """Four seconds at 25 frames a second, reordered, with key frames every 250 frames; a tone that stops at 2 s."""
    return filmed(tmp_path / "in.mp4", drawn, codec="aac", seconds=4, quiet_from=Fraction(2))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_two_parts_run_on_in_picture_and_sound(film: Path, drawn: Draw, tmp_path: Path, suffix: str) -> None:
    source = with_edits(film, [(1.0, 0.4), (3.0, 0.4)])
    reader, _, stages = copy(source, tmp_path / f"out{suffix}", quality=100)
    assert (stages.frames_out, reader.missing) == (20, 0)
    shown = times(tmp_path / f"out{suffix}")
    assert shown[0] == 0
    assert all(later - earlier == pytest.approx(0.04, abs=0.001) for earlier, later in pairwise(shown))
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        found = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    for index, number in enumerate([*range(25, 35), *range(75, 85)]):
        distances = [np.abs(found[index] - drawn(other)).mean() for other in range(100)]
        assert int(np.argmin(distances)) == number
    heard, rate = sound(tmp_path / f"out{suffix}")
    assert len(heard) / rate == pytest.approx(0.8, abs=0.03)
    assert np.abs(heard[: round(0.35 * rate)]).max() > 0.2
    assert np.abs(heard[round(0.45 * rate) :]).max() < 0.02


def test_a_start_among_several_parts_is_found(film: Path, tmp_path: Path) -> None:
    source = with_edits(film, [(1.0, 0.4), (3.0, 0.4)])
    _, _, stages = copy(source, tmp_path / "out.mp4", start=Fraction(1, 5), duration=Fraction(2, 5))
    assert stages.frames_out == 10
    heard, rate = sound(tmp_path / "out.mp4")
    assert len(heard) / rate == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("begin", [0.93, 1.0, 1.5])
def test_what_is_trimmed_away_is_not_heard_and_picture_and_sound_begin_together(
    film: Path, tmp_path: Path, suffix: str, begin: float
) -> None:
    source = with_edits(film, [(begin, 1.5)])
    copy(source, tmp_path / f"out{suffix}")
    assert times(tmp_path / f"out{suffix}")[0] < 0.04
    heard, rate = sound(tmp_path / f"out{suffix}")
    assert len(heard) / rate == pytest.approx(1.5, abs=0.04)
    loud = np.flatnonzero(np.abs(heard) > 0.1)
    assert loud[0] / rate < 0.03
    assert loud[-1] / rate == pytest.approx(2 - begin, abs=0.03)


def test_what_leads_a_decoder_in_is_kept_where_it_is_hidden(film: Path, tmp_path: Path) -> None:
    source = with_edits(film, [(1.0, 1.5)])
    copy(source, tmp_path / "out.mp4")
    copy(source, tmp_path / "out.mkv")
    assert -0.1 <= packets(tmp_path / "out.mp4", "audio")[0][0][0] < -0.02
    assert packets(tmp_path / "out.mkv", "audio")[0][0][0] >= 0


def test_a_part_that_begins_later_is_preceded_by_nothing(film: Path) -> None:
    with VideoReader(with_edits(film, [(0.0, 0.4), (2.0, 0.2), (1.0, 0.4)]), Settings()) as reader:
        shown = [frame.time for frame in reader]
    assert shown == [Fraction(index, 25) for index in range(25)]
