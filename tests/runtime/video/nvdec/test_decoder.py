"""NVDEC gives what the CPU gives, or says why it is not used. A stand-in for PyNvVideoCodec decodes on the CPU."""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.nvdec.stand_in import stand_in
from tsn.runtime.errors import InputError, UnavailableError
from tsn.runtime.frame import Frame
from tsn.runtime.settings import Settings
from tsn.runtime.transfer import VideoStyleTransfer
from tsn.runtime.video import encoders
from tsn.runtime.video.nvdec import decoder as nvdec
from tsn.runtime.video.reader import VideoReader

Draw = Callable[..., Any]
Put = Callable[..., Any]

X265 = {"crf": "10", "x265-params": "log-level=error"}
CLIPS: dict[str, dict[str, Any]] = {
    "h264.mp4": {"options": {"crf": "10", "bf": "3"}},
    "variable.mp4": {"ticks": [0, 3000, 3001, 9000, 20000, 20500, 100000, 103000], "time_base": Fraction(1, 90000)},
    "full.mp4": {"pixel_format": "yuvj420p", "color_range": 2, "matrix": 1},
    "upright.mp4": {"rotation": 90},
    "h264.ts": {"time_base": Fraction(1, 90000)},
    "h264.mkv": {"time_base": Fraction(1, 1000)},
    "h264.avi": {"time_base": Fraction(1, 25)},
    "h264.h264": {},
    "hevc.mp4": {"codec": "libx265", "options": X265},
    "deep.mkv": {"codec": "libx265", "pixel_format": "yuv420p10le", "options": X265, "time_base": Fraction(1, 1000)},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"crf": "10", "b": "0"}, "time_base": Fraction(1, 1000)},
    "av1.mp4": {"codec": "libsvtav1", "options": {"crf": "20", "preset": "12"}},
}


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Put:
    """Install the stand-in, with the options it is given, in place of PyNvVideoCodec and a driver."""
    monkeypatch.setenv("SVT_LOG", "1")

    def install(**options: Any) -> Any:
        monkeypatch.setattr(nvdec, "probe_driver", lambda: None)
        library = stand_in(**options)
        monkeypatch.setitem(sys.modules, "PyNvVideoCodec", library)
        return library

    return install


def read(path: Path, decoder: str, **settings: Any) -> tuple[VideoReader, list[Frame]]:
    """The reader, read to its end, and the frames."""
    with VideoReader(path, Settings(decoder=decoder, **settings), gpu=True) as reader:  # type: ignore[arg-type]
        return reader, list(reader)


def refuse_unequal(path: Path, *, decoder: str = "nvdec", **settings: Any) -> None:
    """Fail where NVDEC gives other frames, times, sizes or counts than the CPU."""
    expected, frames = read(path, "cpu", **settings)
    found, decoded = read(path, decoder, **settings)
    assert found.decoder.name == "nvdec"
    assert [(frame.time, frame.duration) for frame in decoded] == [(frame.time, frame.duration) for frame in frames]
    np.testing.assert_array_equal([frame.rgb for frame in decoded], [frame.rgb for frame in frames])
    for name in ("input_size", "size", "colour", "rate", "origin", "expected", "missing", "damaged"):
        assert getattr(found, name) == getattr(expected, name), name


@pytest.mark.parametrize("name", CLIPS)
def test_frames_times_and_counts_are_those_of_the_cpu(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path, name: str
) -> None:
    put()
    frames = [drawn(index, width=66, height=50) for index in range(8)]  # no multiple of what planes are aligned to
    refuse_unequal(write_video(tmp_path / name, frames=frames, **CLIPS[name]))


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
def test_a_part_between_key_frames_is_that_of_the_cpu(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path, suffix: str
) -> None:
    put()
    options = {"crf": "10", "g": "10", "bf": "2", "sc_threshold": "0"}
    bases = {".ts": Fraction(1, 90000), ".mkv": Fraction(1, 1000)}
    source = write_video(
        tmp_path / f"in{suffix}",
        frames=[drawn(index) for index in range(60)],
        options=options,
        time_base=bases.get(suffix, Fraction(1, 12800)),
    )
    refuse_unequal(source, start=Fraction(1), duration=Fraction(1, 2))
    refuse_unequal(source, start=Fraction(33, 25), max_frames=7, shorter_side=24)


def test_a_part_that_begins_at_no_idr_frame_has_its_headers(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    library = put()
    options = {"crf": "10", "x264-params": "keyint=10:min-keyint=10:open-gop=1:bframes=2:scenecut=0"}
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(60)], options=options)
    refuse_unequal(source, start=Fraction(1), duration=Fraction(1, 2))
    assert len(library.made) == 1  # or the file was read from its beginning after all


def test_frames_that_an_edit_list_hides_are_not_shown(put: Put, write_video: Draw, tmp_path: Path) -> None:
    put()
    whole = write_video(tmp_path / "whole.mp4", options={"crf": "10", "bf": "0"})
    hiding = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    with av.open(str(whole)) as source, av.open(str(tmp_path / "in.mp4"), "w", options=hiding) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - 3 * 512, packet.dts - 3 * 512, stream
                target.mux(packet)
    refuse_unequal(tmp_path / "in.mp4")
    assert len(read(tmp_path / "in.mp4", "nvdec")[1]) == 5


def test_a_cut_off_file_misses_what_it_misses_on_the_cpu(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    put()
    frames = [drawn(index, width=160, height=120) for index in range(60)]
    source = write_video(tmp_path / "in.mkv", frames=frames, options={"crf": "1", "bf": "0"})
    data = source.read_bytes()
    source.write_bytes(data[: len(data) // 2])
    found, decoded = read(source, "nvdec")
    expected, on_the_cpu = read(source, "cpu")
    assert len(decoded) + found.missing == len(on_the_cpu) + expected.missing == 60
    assert found.missing > 10


@pytest.mark.parametrize(("settings", "missing"), [({}, 2), ({"start": Fraction(1, 5)}, 2), ({"max_frames": 7}, 1)])
def test_frames_that_nvdec_drops_without_a_word_are_missing(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path, settings: dict[str, Any], missing: int
) -> None:
    put(drops={6, 13})
    frames = [drawn(index) for index in range(20)]
    reader, decoded = read(write_video(tmp_path / "in.mp4", frames=frames), "nvdec", **settings)
    assert reader.missing == missing
    _, on_the_cpu = read(tmp_path / "in.mp4", "cpu", **settings)
    times = [frame.time for frame in decoded]
    assert set(times) < {index * Fraction(1, 25) for index in range(20)}
    assert len(decoded) == len(on_the_cpu) - (0 if "max_frames" in settings else missing)


def refused(path: Path, reason: str) -> None:
    """Fail unless auto takes the CPU for that reason, with the CPU's frames, and nvdec is an error that gives it."""
    reader, frames = read(path, "auto")
    assert reader.decoder.name == "cpu"
    assert reason in reader.decoder.reason
    assert "\n" not in reader.decoder.reason
    expected, on_the_cpu = read(path, "cpu")
    np.testing.assert_array_equal([frame.rgb for frame in frames], [frame.rgb for frame in on_the_cpu])
    assert reader.missing == expected.missing == 0
    with pytest.raises(UnavailableError) as error:
        read(path, "nvdec")
    assert reason in error.value.reason
    assert "use --decoder cpu" in error.value.cure


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"without": {("H264", 8)}}, "this GPU does not decode h264 of 8 bits"),
        ({"least": 48}, "h264 of 8 bits from 48x48 to 8192x8192; this is 64x46"),
        ({"most": 63}, "from 16x16 to 63x63; this is 64x46"),
        ({"brighter": 9}, "differs from the CPU's by "),
        ({"drops": {0}}, "begins with another frame of it: at 512 instead of 0 ticks"),
        ({"drops": range(99)}, "gives no frame"),
        ({"fails_at": 0}, "NVDEC cannot decode: CUDA_ERROR_LAUNCH_FAILED"),
    ],
)
def test_a_gpu_that_does_not_decode_it_as_the_cpu_does_is_not_used(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path, options: dict[str, Any], reason: str
) -> None:
    put(**options)
    frames = [drawn(index, height=46) for index in range(8)]
    refused(write_video(tmp_path / "in.mp4", frames=frames), reason)


@pytest.mark.parametrize(
    ("clip", "size", "reason"),
    [
        ({"codec": "mpeg4", "options": {}}, (64, 48), "NVDEC is used for h264, hevc, vp9, av1; this is mpeg4"),
        ({"pixel_format": "yuv444p"}, (64, 48), "4:2:0 of 8 and 10 bits; this is yuv444p"),
        ({"codec": "libvpx-vp9", "options": {"crf": "9", "b": "0"}}, (65, 48), "even sides; these are 65x48"),
        ({"options": {"crf": "9", "flags": "+ildct+ilme", "x264-params": "tff=1"}}, (64, 48), "is interlaced"),
    ],
)
def test_a_video_that_nvdec_gives_otherwise_stays_on_the_cpu(
    put: Put, write_video: Draw, drawn: Draw, tmp_path: Path, clip: dict[str, Any], size: tuple[int, int], reason: str
) -> None:
    put()
    frames = [drawn(index, width=size[0], height=size[1]) for index in range(8)]
    refused(write_video(tmp_path / "in.mp4", frames=frames, **clip), reason)


def test_a_video_that_begins_with_damage_stays_on_the_cpu(put: Put, write_video: Draw, tmp_path: Path) -> None:
    put()
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(4)]
    source = write_video(tmp_path / "in.mp4", frames=frames, options={"crf": "20", "bf": "0"})
    with av.open(str(source)) as container:
        packet = next(container.demux(video=0))
        assert packet.pos is not None
        middle = packet.pos + packet.size // 2
    data = bytearray(source.read_bytes())
    data[middle : middle + 200] = noise.integers(0, 256, 200, dtype=np.uint8).tobytes()
    source.write_bytes(data)
    refused(source, "begins with a damaged frame")


@pytest.mark.usefixtures("no_driver")
def test_without_a_driver_the_cpu_decodes(write_video: Draw, tmp_path: Path) -> None:
    refused(write_video(tmp_path / "in.mp4"), "no NVIDIA driver")


def test_without_the_library_the_line_that_installs_it_is_given(
    monkeypatch: pytest.MonkeyPatch, write_video: Draw, tmp_path: Path
) -> None:
    monkeypatch.setattr(nvdec, "probe_driver", lambda: None)
    monkeypatch.setitem(sys.modules, "PyNvVideoCodec", None)
    refused(write_video(tmp_path / "in.mp4"), "Run: pip install PyNvVideoCodec")


def test_a_library_that_does_not_load_gives_its_first_line_and_the_capability(
    monkeypatch: pytest.MonkeyPatch, write_video: Draw, tmp_path: Path
) -> None:
    (tmp_path / "PyNvVideoCodec.py").write_text(
        "raise RuntimeError('libnvidia-encode.so.1: no such file\\n\\n=== TIPS')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(nvdec, "probe_driver", lambda: None)
    refused(write_video(tmp_path / "in.mp4"), "libnvidia-encode.so.1: no such file. In a container start it with -e NV")


def test_nothing_is_asked_of_a_gpu_where_the_networks_run_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch, write_video: Draw, tmp_path: Path
) -> None:
    monkeypatch.setattr(nvdec, "probe_driver", lambda: pytest.fail("asked"))
    with VideoReader(write_video(tmp_path / "in.mp4"), Settings()) as reader:
        assert (reader.decoder.name, reader.decoder.reason) == ("cpu", "the networks run on the CPU")


def test_auto_takes_nvdec_where_the_networks_run_on_a_gpu(put: Put, write_video: Draw, tmp_path: Path) -> None:
    put()
    refuse_unequal(write_video(tmp_path / "in.mp4"), decoder="auto")


def test_nvdec_that_fails_on_the_way_ends_the_run(put: Put, write_video: Draw, drawn: Draw, tmp_path: Path) -> None:
    put(fails_at=30)
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(40)])
    with pytest.raises(UnavailableError, match=r"NVDEC cannot decode: CUDA_ERROR_LAUNCH_FAILED$"):
        read(source, "auto")


def test_a_file_that_is_no_video_stays_the_input_s_fault(put: Put, tmp_path: Path) -> None:
    put()
    (tmp_path / "in.mp4").write_text("no video")
    with pytest.raises(InputError, match="no video"):
        read(tmp_path / "in.mp4", "nvdec")


def test_what_a_gpu_decodes_is_listed() -> None:
    library = stand_in(without={("H264", 10), ("AV1", 8), ("AV1", 10), ("VP9", 10)})
    assert nvdec.decodable(library) == ["h264 of 8 bits", "hevc of 8 bits", "hevc of 10 bits", "vp9 of 8 bits"]


def test_a_run_on_a_gpu_says_in_a_line_each_what_decoded_and_what_encoded(
    put: Put, monkeypatch: pytest.MonkeyPatch, tiny_bundle: Path, write_video: Draw, tmp_path: Path
) -> None:
    put(without={("H264", 8)})
    monkeypatch.setattr(encoders, "try_nvenc", lambda *rest, **how: None)
    transfer = VideoStyleTransfer(tiny_bundle)
    monkeypatch.setattr(transfer.backend, "in_host_memory", False)  # as on a GPU
    settings = Settings(codec="vp9")
    report = transfer.process_video(
        write_video(tmp_path / "in.mp4"), "stripes", tmp_path / "out.mp4", settings=settings
    )
    refused, other = "NVDEC of this GPU does not decode h264 of 8 bits", "NVENC is used for h264 and hevc; this is vp9"
    assert report.notes == [f"decoder cpu: {refused}", f"encoder libvpx-vp9: {other}"]
    assert report.document()["decoder"] == {"name": "cpu", "reason": refused}
    assert report.document()["encoder"] == {"name": "libvpx-vp9", "reason": other}


@pytest.mark.usefixtures("no_driver")
def test_what_is_asked_for_and_cannot_be_ends_with_3_and_leaves_nothing(
    run: Callable[..., Any], tiny_bundle: Path, write_video: Draw, tmp_path: Path
) -> None:
    source = write_video(tmp_path / "in.mp4")
    ended = run(tiny_bundle, source, "--style", "stripes", "--decoder", "nvdec")
    assert ended.code == 3
    assert "no NVIDIA driver" in ended.err
    assert "use --decoder cpu" in ended.err
    assert list(tmp_path.iterdir()) == [source]


def test_a_run_on_the_cpu_names_its_decoder_in_json_alone(
    run: Callable[..., Any], tiny_bundle: Path, write_video: Draw, tmp_path: Path
) -> None:
    ended = run(tiny_bundle, write_video(tmp_path / "in.mp4"), "--style", "stripes", "--json")
    document = json.loads(ended.out)
    assert document["decoder"] == {"name": "cpu", "reason": "the networks run on the CPU"}
    assert document["encoder"] == {"name": "libx264", "reason": "the networks run on the CPU"}
    assert document["notes"] == []
    assert "decoder" not in ended.err
