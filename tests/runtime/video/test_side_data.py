"""What goes with a picture and is lost is said by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.runtime.video.test_reader_and_writer import copy

Draw = Callable[..., Any]
SPHERICAL = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


def test_nothing_is_said_of_a_plain_video(write_video: Draw, tmp_path: Path) -> None:
    _, writer, _ = copy(write_video(tmp_path / "in.mp4"), tmp_path / "out.mp4")
    assert writer.notes == []


def test_transparency_is_named(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mov", codec="prores_ks", pixel_format="yuva444p10le", options={})
    _, writer, _ = copy(source, tmp_path / "out.mov")
    assert writer.notes == ["not carried over: transparency"]


def test_what_a_player_is_told_of_hdr_is_named(write_video: Draw, tmp_path: Path) -> None:
    screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    options = {"x265-params": f"log-level=error:hdr10=1:master-display={screen}:max-cll=1000,400"}
    source = write_video(tmp_path / "in.mkv", codec="libx265", pixel_format="yuv420p10le", options=options)
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    [note] = writer.notes
    assert "mastering display" in note
    assert "light levels" in note


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_in_eight_bits_is_said(drawn: Draw, tmp_path: Path, transfer: int) -> None:
    source = tmp_path / "in.mkv"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.codec_context.color_trc = transfer
        container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(0), format="rgb24")))
        container.mux(stream.encode(None))
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == ["it is HDR: with the 8 bits of the output shades may show as bands"]


def test_a_picture_of_360_degrees_is_named(write_video: Draw, tmp_path: Path) -> None:
    source = write_video(tmp_path / "in.mp4")
    box = (24).to_bytes(4, "big") + b"uuid" + SPHERICAL
    data = bytearray(source.read_bytes())
    for name in (b"moov", b"trak"):
        at = data.rindex(name) - 4
        length = int.from_bytes(data[at : at + 4], "big")
        data[at : at + 4] = (length + len(box)).to_bytes(4, "big")
        if name == b"trak":
            data[at + length : at + length] = box
    source.write_bytes(data)
    _, writer, _ = copy(source, tmp_path / "out.mp4")
    assert writer.notes == ["not carried over: that the picture is 360 degrees"]
