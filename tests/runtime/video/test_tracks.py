"""Sound that is encoded again: layouts, rates, gaps and damage."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.test_reader_and_writer import copy, packets

Draw = Callable[..., Any]
SILENCE = 0.02  # of full scale: what an encoder makes of zeros near a tone


def filmed(
    path: Path,
    drawn: Draw,
    *,
    codec: str,
    layout: str = "mono",
    rate: int = 48_000,
    seconds: int = 2,
    silent: Sequence[Fraction] = (),
    quiet_from: Fraction | None = None,
) -> Path:
    """Seconds of 25 pictures with a tone whose packets between the two times in `silent` are not there."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream(codec, rate=rate, layout=layout)
        sample_format = audio.codec_context.format
        for index in range(25 * seconds):
            container.mux(video.encode(av.VideoFrame.from_ndarray(drawn(index), format="rgb24")))
        samples = audio.codec_context.frame_size or rate // 50
        for start in range(0, rate * seconds, samples):
            if silent and silent[0] <= Fraction(start, rate) < silent[1]:
                continue
            tone = np.sin(np.arange(start, start + samples) * 2 * np.pi * 440 / rate).astype(np.float32) * 0.3
            if quiet_from is not None and start >= quiet_from * rate:
                tone *= 0
            channels = av.AudioLayout(layout).nb_channels
            frame = av.AudioFrame.from_ndarray(np.repeat(tone, channels)[None], format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            for converted in av.AudioResampler(format=sample_format, layout=layout, rate=rate).resample(frame):
                container.mux(audio.encode(converted))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def sound(path: Path) -> tuple[np.ndarray, int]:
    """What is heard from time 0 on, at its place in time: the first channel, and its rate."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    rate, channels = frames[0].sample_rate, frames[0].layout.nb_channels
    packed = av.AudioResampler(format="flt", layout=frames[0].layout, rate=rate)  # PyAV crashes on 8 planes
    heard = np.zeros(10 * rate, np.float32)
    end = 0
    for frame in frames:
        at = round(frame.pts * frame.time_base * rate)
        samples = np.concatenate([part.to_ndarray()[0, ::channels] for part in packed.resample(frame)])[max(0, -at) :]
        heard[max(0, at) : max(0, at) + len(samples)] = samples
        end = max(0, at) + len(samples)
    return heard[:end], rate


@pytest.mark.parametrize(
    ("layout", "rate", "channels"),
    [("5.1(side)", 48_000, 6), ("mono", 192_000, 1), ("5.1(side)", 192_000, 6), ("3.0", 44_100, 3)],
)
def test_any_layout_and_rate_is_encoded_again(
    drawn: Draw, tmp_path: Path, layout: str, rate: int, channels: int
) -> None:
    source = filmed(tmp_path / "in.avi", drawn, codec="pcm_s16le", layout=layout, rate=rate)
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert "encoded again as aac" in writer.notes[0]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.layout.nb_channels == channels
    heard, _ = sound(tmp_path / "out.mp4")
    assert np.abs(heard).max() > 0.15


def test_a_gap_stays_where_it_is_and_what_follows_it_is_heard_in_time(drawn: Draw, tmp_path: Path) -> None:
    gap = (Fraction(1, 2), Fraction(1))
    source = filmed(tmp_path / "in.mkv", drawn, codec="pcm_s16le", silent=gap)
    copy(source, tmp_path / "out.mp4")
    heard, rate = sound(tmp_path / "out.mp4")
    around = round(0.03 * rate)  # an encoder smears the edges
    loud = np.abs(heard) > SILENCE
    assert not loud[rate // 2 + around : rate - around].any()
    assert np.abs(heard[rate : rate + round(0.008 * rate)]).max() > 0.2  # less than a packet
    assert np.abs(heard[rate // 2 - around : rate // 2]).max() > 0.2


def test_sound_that_begins_late_still_does(drawn: Draw, tmp_path: Path) -> None:
    source = filmed(tmp_path / "in.mkv", drawn, codec="pcm_s16le", silent=(Fraction(0), Fraction(1)))
    copy(source, tmp_path / "out.mp4")
    heard, rate = sound(tmp_path / "out.mp4")
    loud = np.flatnonzero(np.abs(heard) > 0.2)
    assert loud[0] == pytest.approx(rate, abs=0.03 * rate)


def test_damaged_sound_that_is_encoded_again_costs_no_more_than_itself(drawn: Draw, tmp_path: Path) -> None:
    source = filmed(tmp_path / "in.mkv", drawn, codec="aac")
    [tone] = packets(source, "audio")
    data = source.read_bytes()
    for _, content in tone[30:40]:
        assert data.count(content) == 1
        data = data.replace(content, b"\xff" * len(content))
    source.write_bytes(data)
    _, writer, stages = copy(source, tmp_path / "out.webm")
    assert stages.frames_out == 50
    assert any("input is damaged" in note for note in writer.notes)
    heard, rate = sound(tmp_path / "out.webm")
    for part in (heard[: rate // 2], heard[rate:]):  # 30 to 40 packets of 1024 samples: 0.64 to 0.85 s
        assert np.abs(part).max() > 0.2
    assert len(heard) == pytest.approx(2 * rate, abs=0.05 * rate)


def test_damaged_sound_that_the_container_looks_into_is_left_out(drawn: Draw, tmp_path: Path) -> None:
    source = filmed(tmp_path / "in.ts", drawn, codec="aac")
    data = source.read_bytes()
    parts = [data[at : at + 188] for at in range(0, len(data), 188)]
    spoken = [index for index, part in enumerate(parts) if part[1] & 0x1F == 1 and part[2] == 1]  # of track 0x101
    lost = spoken[len(spoken) // 2 : len(spoken) // 2 + 5]
    source.write_bytes(b"".join(part for index, part in enumerate(parts) if index not in lost))
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == ["a part of the audio or subtitles could not be read: the input is damaged"]
    assert len(packets(tmp_path / "out.mp4", "audio")[0]) > 60


def test_sound_that_changes_its_layout_and_rate_is_encoded_on(drawn: Draw, tmp_path: Path) -> None:
    first = filmed(tmp_path / "first.ts", drawn, codec="aac")
    second = filmed(tmp_path / "second.ts", drawn, codec="aac", layout="stereo", rate=44_100)
    source = tmp_path / "in.ts"
    source.write_bytes(first.read_bytes() + second.read_bytes())
    _, _, stages = copy(source, tmp_path / "out.webm")
    assert stages.frames_out == 100
    heard, rate = sound(tmp_path / "out.webm")
    assert len(heard) == pytest.approx(4 * rate, abs=0.1 * rate)
    for start in range(4):
        assert np.abs(heard[start * rate : (start + 1) * rate]).max() > 0.2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("layout", ["mono", "3.0", "quad", "5.0", "5.1", "5.1(side)", "6.1", "7.1"])
def test_every_layout_keeps_its_channels(drawn: Draw, tmp_path: Path, suffix: str, layout: str) -> None:
    source = filmed(tmp_path / "in.mov", drawn, codec="pcm_mulaw", layout=layout, rate=48_000, seconds=1)
    copy(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        [track] = container.streams.audio
        assert track.codec_context.layout.nb_channels == av.AudioLayout(layout).nb_channels
    heard, _ = sound(tmp_path / f"out{suffix}")
    assert np.abs(heard).max() > 0.15


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("rate", [8_000, 11_025, 22_255, 96_000])
def test_every_rate_is_encoded_again_at_one_that_the_encoder_takes(
    drawn: Draw, tmp_path: Path, suffix: str, rate: int
) -> None:
    source = filmed(tmp_path / "in.avi", drawn, codec="pcm_mulaw", rate=rate, seconds=1)
    _, writer, _ = copy(source, tmp_path / f"out{suffix}")
    heard, found = sound(tmp_path / f"out{suffix}")
    assert len(heard) / found == pytest.approx(1, abs=0.15)  # a packet of AAC at 8 kHz is 0.128 s
    assert np.abs(heard).max() > 0.2
    assert suffix == ".webm" or ("instead of" in writer.notes[0]) == (found != rate)  # Opus is heard at 48 kHz


def test_sound_that_has_lost_nothing_loses_nothing_in_matroska(drawn: Draw, tmp_path: Path) -> None:
    source = filmed(tmp_path / "in.avi", drawn, codec="pcm_mulaw", rate=8_000, seconds=1)
    _, writer, _ = copy(source, tmp_path / "out.mkv")
    assert "encoded again as flac" in writer.notes[0]
    with av.open(str(source)) as container:
        before = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    with av.open(str(tmp_path / "out.mkv")) as container:
        after = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert (before == after).all()


def test_more_channels_than_an_encoder_takes_are_mixed_and_the_note_says_so(drawn: Draw, tmp_path: Path) -> None:
    source = filmed(tmp_path / "in.nut", drawn, codec="pcm_mulaw", layout="hexadecagonal", seconds=1)
    _, writer, _ = copy(source, tmp_path / "out.mkv")
    assert "encoded again as flac with 8 channels instead of 16" in writer.notes[0]
    heard, _ = sound(tmp_path / "out.mkv")
    assert np.abs(heard).max() > 0


def test_what_an_mkv_output_could_hold_is_said_and_only_then(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mkv", subtitles=True)
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == ["subtitle track 1 (subrip) is left out: mp4 cannot hold it. An .mkv output can"]
    _, writer, _ = copy(source, tmp_path / "out.mkv")
    assert writer.notes == []
