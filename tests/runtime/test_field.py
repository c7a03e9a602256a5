"""Files that people have, from outside: what comes of each of those that went wrong once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

Call = Callable[..., Any]

pytestmark = pytest.mark.slow

# The file, the output, more words, the exit code, what is said; and of the output: frames, width, height, seconds.
CASES = [
    ("01_iphone_apac.mov", "out.mp4", [], 0, "no decoder for apac", (24, 160, 90, 1.0)),
    ("02_unknown_video_codec.mov", "out.mp4", [], 4, "no decoder for (brxq)", None),
    ("04_ntsc_2frames.dv", "out.mp4", [], 0, "", (2, 720, 480, 0.067)),
    ("05_cctv_ulaw_8k.avi", "out.mkv", [], 0, "encoded again as flac", (25, 160, 90, 1.0)),
    ("05_lpcm_7.1.m2ts", "out.mkv", [], 0, "encoded again as flac", (5, 160, 90, 0.2)),
    ("06_mirrored.mp4", "out.mp4", [], 0, "", (24, 160, 90, 1.0)),
    ("07_anamorphic_dvd.mpg", "out.mp4", ["--size", "72p"], 0, "", (15, 128, 72, 0.6)),
    ("08_photo.jfif", "out.png", [], 0, "", None),
    ("08_photo.avif", "out.jpg", [], 0, "", None),
    ("09_animated.png", "out.mp4", [], 0, "", (10, 160, 90, 1.0)),
    ("09_animated.webp", "out.mp4", [], 0, "", (10, 160, 90, 1.0)),
    ("10_raw_60fps.h264", "out.mp4", [], 0, "", (60, 160, 90, 1.0)),
    ("11_pixelcrop.mkv", "out.mkv", [], 0, "", (10, 160, 90, 0.4)),
    ("12_plain_for_hevc.mp4", "out.mp4", ["--codec", "hevc"], 0, "", (24, 160, 90, 1.0)),
    ("13_ycgco.mp4", "out.mp4", [], 0, "YCgCo", (10, 160, 90, 0.4)),
    ("14_vr360.mp4", "out.mp4", [], 0, "360 degrees", (24, 160, 90, 1.0)),
    ("14_captions_a53.ts", "out.mp4", [], 0, "closed captions", (15, 160, 90, 0.5)),
    ("14_timecode.mov", "out.mkv", [], 0, "", (24, 160, 90, 1.0)),
    ("15_hdr10.mp4", "out.mp4", [], 0, "mastering display", (12, 256, 144, 0.5)),
    ("16_interlaced.mkv", "out.mkv", [], 0, "interlaced", (20, 320, 240, 0.8)),
    ("17_prores4444_alpha.mov", "out.mov", [], 0, "transparency", (8, 160, 90, 0.8)),
    ("18_thumbnail_track_first.mkv", "out.mp4", [], 0, "second picture", (24, 160, 90, 1.0)),
    ("20_two_edits.mp4", "out.mp4", [], 0, "", (20, 160, 90, 0.8)),
    ("21_trimmed_by_edit_list.mp4", "out.mkv", [], 0, "", (37, 160, 90, 1.5)),
]


@pytest.mark.parametrize(
    ("name", "output", "words", "code", "says", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_a_file_that_went_wrong_once_goes_right(
    run: Call,
    tiny_bundle: Path,
    real_data: Path,
    tmp_path: Path,
    name: str,
    output: str,
    words: list[str],
    code: int,
    says: str,
    expected: tuple[int, int, int, float] | None,
) -> None:
    source = real_data / "field" / name
    if not source.is_file():
        pytest.skip(f"needs {name} in the folder field of the test data")
    ended = run(tiny_bundle, source, "-s", "noise", "-o", tmp_path / output, *words)
    assert ended.code == code, ended.err
    assert says in ended.err
    assert (tmp_path / output).exists() == (code == 0)
    if expected is None:
        return
    frames, width, height, seconds = expected
    with av.open(str(tmp_path / output)) as container:
        [track] = container.streams.video
        assert sum(1 for _ in container.decode(track)) == frames
        assert (track.codec_context.width, track.codec_context.height) == (width, height)
        assert container.duration / av.time_base == pytest.approx(seconds, abs=0.03)
