"""What each encoder takes, and what is said where it does not."""

import re
from collections.abc import Callable
from ctypes.util import find_library
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.video.test_reader_and_writer import Unchanged, copy, times
from tsn.runtime.errors import UnavailableError, UsageError
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import stylize_video
from tsn.runtime.settings import Choice, Settings
from tsn.runtime.video import encoders
from tsn.runtime.video.encoders import Encoding, choose_encoding, try_nvenc
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

Draw = Callable[..., Any]


@pytest.mark.parametrize(("codec", "least", "suffix", "other"), [
    ("av1", 32, ".mp4", "h264"), ("av1", 32, ".webm", "vp9"), ("hevc", 16, ".mkv", "h264"),
])  # fmt: skip
def test_frames_too_small_for_a_codec_name_its_least_side_and_another_codec(
    write_video: Draw, drawn: Draw, tmp_path: Path, codec: str, least: int, suffix: str, other: str
) -> None:
    frames = [drawn(index, width=64, height=48) for index in range(3)]
    source = write_video(tmp_path / "in.mp4", frames=frames)
    with pytest.raises(UsageError, match=rf"{codec} takes frames from {least} ") as refused:
        copy(source, tmp_path / f"small{suffix}", codec=codec, size=Size(64, least - 2))
    assert refused.value.cure == f"Use --codec {other}, or enlarge them with --size"
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
        VideoReader(source, chosen) as reader,
        VideoWriter(tmp_path / "out.mp4", source=reader, settings=chosen, threads=64) as writer,
    ):
        stylize_video(reader, Unchanged(), writer, progress=lambda done: None)
    assert writer.written == 8


def nvenc(monkeypatch: pytest.MonkeyPatch, *, error: str | None = None) -> None:
    """A GPU whose NVENC takes every frame, or does not start and says so."""

    def attempt(encoder: str, **how: Any) -> None:
        if error is not None:
            raise UnavailableError(error)

    monkeypatch.setattr(encoders, "try_nvenc", attempt)


SMALL = Size(64, 48)


def encoding(codec: str | None = "h264", *, size: Size = SMALL, **options: Any) -> Encoding:
    path = Path("out.mkv" if codec is not None else "out.mp4")
    return choose_encoding(path, codec=codec, size=size, rate=Fraction(25), quality=50, threads=None, **options)


@pytest.mark.parametrize(("codec", "encoder"), [("h264", "h264_nvenc"), ("hevc", "hevc_nvenc"), (None, "h264_nvenc")])
def test_nvenc_encodes_where_the_networks_run_on_a_gpu_that_has_it(
    monkeypatch: pytest.MonkeyPatch, codec: str | None, encoder: str
) -> None:
    nvenc(monkeypatch)
    chosen = encoding(codec, gpu=True)
    assert chosen.encoder == chosen.choice.name == encoder
    assert chosen.options["cq"] == encoding(codec).options["crf"]
    assert chosen.options["bf"] == "0"


def test_without_a_gpu_nvenc_is_not_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "try_nvenc", lambda *rest, **how: pytest.fail("tried"))
    assert encoding().choice == Choice("libx264", "the networks run on the CPU")
    assert encoding(asked="cpu", gpu=True).choice == Choice("libx264", "--encoder cpu")


@pytest.mark.parametrize(
    ("error", "codec", "size", "encoder", "reason"),
    [
        ("h264_nvenc does not start", "h264", Size(64, 48), "libx264", "h264_nvenc does not start"),
        (None, "vp9", Size(64, 48), "libvpx-vp9", "NVENC is used for h264 and hevc; this is vp9"),
        (None, "hevc", Size(63, 48), "libx265", "even sides; these are 63x48"),
    ],
)
def test_where_nvenc_cannot_the_cpu_encodes_and_says_why(
    monkeypatch: pytest.MonkeyPatch, error: str | None, codec: str, size: Size, encoder: str, reason: str
) -> None:
    nvenc(monkeypatch, error=error)
    chosen = encoding(codec, size=size, gpu=True)
    assert chosen.encoder == chosen.choice.name == encoder
    assert reason in chosen.choice.reason
    with pytest.raises(UnavailableError, match=re.escape(reason)) as refused:
        encoding(codec, size=size, asked="nvenc")
    assert "use --encoder cpu" in refused.value.cure


def test_nvenc_that_does_not_start_says_what_it_needs() -> None:
    if find_library("nvidia-encode") is not None:
        pytest.skip("NVENC's library is on this machine")
    with pytest.raises(UnavailableError, match=r"h264_nvenc does not start for frames of 256x256: .*needs a driver"):
        try_nvenc()


@pytest.mark.parametrize(("suffix", "tag"), [(".mp4", b"hvc1"), (".mov", b"hvc1"), (".m4v", b"hvc1")])
def test_hevc_has_the_name_that_apples_players_read(write_video: Draw, tmp_path: Path, suffix: str, tag: bytes) -> None:
    copy(write_video(tmp_path / "in.mp4"), tmp_path / f"out{suffix}", codec="hevc")
    data = (tmp_path / f"out{suffix}").read_bytes()
    assert tag in data
    assert b"hev1" not in data
