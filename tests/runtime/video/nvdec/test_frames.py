"""Frames that NVDEC decodes stay on the GPU. Host memory poses as the GPU's, and PyNvVideoCodec is a stand-in."""

import ctypes
import weakref
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.nvdec.stand_in import CONTEXT, STREAM
from tests.runtime.video.nvdec.test_decoder import CLIPS, Draw, Put, put
from tests.runtime.video.test_reader_and_writer import times
from tsn.runtime import transfer
from tsn.runtime.backends import Backend, Tensor
from tsn.runtime.backends.ort import OrtBackend
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.errors import InputError
from tsn.runtime.frame import Frame, FrameBuffer
from tsn.runtime.report import Report
from tsn.runtime.settings import Settings
from tsn.runtime.transfer import VideoStyleTransfer
from tsn.runtime.video.container import Reading
from tsn.runtime.video.nvdec import decoder as nvdec
from tsn.runtime.video.nvdec import frames as nvdec_frames
from tsn.runtime.video.nvdec.frames import ON_HOST, device_frames
from tsn.runtime.video.reader import VideoReader

__all__ = ["put"]  # the fixture

STAYS = "its first frame is that of the CPU, and frames stay on the GPU"
COPIED = "its first frame is that of the CPU, and frames are copied to the host: "


class HostInterop:
    """Takes frames over in host memory."""

    context, stream = CONTEXT, STREAM

    def __init__(self, upload: Callable[[Any], Tensor]) -> None:
        self._upload = upload

    def taken(self, address: int, shape: tuple[int, ...]) -> Tensor:
        data = ctypes.string_at(address, int(np.prod(shape)))
        return self._upload(np.frombuffer(data, np.uint8).reshape(shape).copy())


class Device(OrtBackend):
    """The CPU's backend, posing as a GPU beside which NVDEC decodes."""

    name = "cuda"
    in_host_memory = False

    def __init__(self) -> None:
        super().__init__(threads=1)
        self.nvdec: Any = HostInterop(self.upload)


def read(path: Path, bundle: Bundle, backend: Backend | None, **settings: Any) -> tuple[VideoReader, list[Frame]]:
    """The reader, read to its end, and the frames; on the CPU where there is no backend."""
    on_device = ON_HOST if backend is None else device_frames(bundle, backend)
    chosen = Settings(decoder="cpu" if backend is None else "nvdec", **settings)
    with VideoReader(path, chosen, gpu=True, on_device=on_device) as reader:
        return reader, list(reader)


@pytest.mark.parametrize("name", [name for name in CLIPS if name != "upright.mp4"])
def test_they_are_those_of_the_cpu_but_for_rounding(
    put: Put, tiny_bundle: Path, write_video: Draw, drawn: Draw, tmp_path: Path, name: str
) -> None:
    put()
    frames = [drawn(index, width=66, height=50) for index in range(8)]
    source, bundle = write_video(tmp_path / name, frames=frames, **CLIPS[name]), open_bundle(tiny_bundle)
    expected, on_the_cpu = read(source, bundle, None)
    found, decoded = read(source, bundle, Device())
    assert (found.decoder.name, found.decoder.reason) == ("nvdec", STAYS)
    assert [(one.time, one.duration) for one in decoded] == [(one.time, one.duration) for one in on_the_cpu]
    for one, other in zip(decoded, on_the_cpu, strict=True):
        assert np.abs(one.rgb.astype(int) - other.rgb).max() <= 1
    assert (found.missing, found.damaged) == (expected.missing, expected.damaged)


@pytest.mark.parametrize(("clip", "settings"), [({"rotation": 90}, {}), ({}, {"shorter_side": 24})])
def test_frames_to_be_turned_or_scaled_go_by_the_host(
    put: Put, tiny_bundle: Path, write_video: Draw, tmp_path: Path, clip: dict[str, Any], settings: dict[str, Any]
) -> None:
    put()
    source, bundle = write_video(tmp_path / "in.mp4", **clip), open_bundle(tiny_bundle)
    _, on_the_cpu = read(source, bundle, None, **settings)
    found, decoded = read(source, bundle, Device(), **settings)
    assert found.decoder.reason == f"{COPIED}they are turned, scaled or reduced to the working size"
    np.testing.assert_array_equal([one.rgb for one in decoded], [one.rgb for one in on_the_cpu])


def test_where_their_colours_come_out_wrong_they_go_by_the_host(
    put: Put, tiny_bundle: Path, write_video: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    monkeypatch.setattr(nvdec_frames, "chroma_taps", lambda like: np.zeros((2, 2, 3), np.float32))
    source, bundle = write_video(tmp_path / "in.mp4"), open_bundle(tiny_bundle)
    found, decoded = read(source, bundle, Device())
    assert found.decoder.name == "nvdec"
    assert found.decoder.reason.startswith(f"{COPIED}NVDEC's first frame of it differs")
    np.testing.assert_array_equal([one.rgb for one in decoded], [one.rgb for one in read(source, bundle, None)[1]])


def test_frames_that_change_their_size_on_the_way_are_scaled_as_on_the_cpu(
    put: Put, tiny_bundle: Path, write_video: Draw, drawn: Draw, tmp_path: Path
) -> None:
    put()
    parts = []
    for width, height in ((66, 50), (48, 34)):
        frames = [drawn(index, width=width, height=height) for index in range(4)]
        part = write_video(tmp_path / f"{width}.h264", frames=frames, options={"crf": "10", "bf": "0"})
        parts.append(part.read_bytes())
    source = tmp_path / "in.h264"
    source.write_bytes(b"".join(parts))
    bundle = open_bundle(tiny_bundle)
    _, on_the_cpu = read(source, bundle, None)
    found, decoded = read(source, bundle, Device())
    assert found.decoder.reason == STAYS
    assert len(decoded) == len(on_the_cpu) == 8
    for one, other in zip(decoded, on_the_cpu, strict=True):
        assert one.rgb.shape == other.rgb.shape == (50, 66, 3)
        assert np.abs(one.rgb.astype(int) - other.rgb).max() <= 1


def test_a_size_that_the_engine_does_not_take_is_said_as_it_is_and_the_file_is_closed(
    put: Put, tiny_bundle: Path, write_video: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    closed: set[Reading] = set()
    true_close = Reading.close

    def close(reading: Reading) -> None:
        closed.add(reading)
        true_close(reading)

    class Refusing(Device):
        def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Any:
            def refused(**_: Tensor) -> None:
                raise InputError("nv12.plan takes frames of 1920x1080")

            return refused

    monkeypatch.setattr(Reading, "close", close)
    with pytest.raises(InputError, match="takes frames of 1920x1080"):
        read(write_video(tmp_path / "in.mp4"), open_bundle(tiny_bundle), Refusing())
    assert len(closed) == 2  # the CPU's reading, and NVDEC's


def test_a_decoder_that_is_not_taken_is_gone_before_the_next_is_opened(
    put: Put, tiny_bundle: Path, write_video: Draw, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[Any] = []
    true_decoder = nvdec.NvdecDecoder

    def opened(*arguments: Any, **more: Any) -> Any:
        assert not [decoder for decoder in alive if decoder() is not None]
        decoder = true_decoder(*arguments, **more)
        alive.append(weakref.ref(decoder))
        return decoder

    put()
    monkeypatch.setattr(nvdec, "NvdecDecoder", opened)
    monkeypatch.setattr(nvdec_frames, "chroma_taps", lambda like: np.zeros((2, 2, 3), np.float32))
    read(write_video(tmp_path / "in.mp4"), open_bundle(tiny_bundle), Device())
    assert len(alive) == 2


def test_neither_the_cpu_nor_an_older_bundle_keeps_them(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    assert callable(device_frames(bundle, Device()))
    assert device_frames(bundle, OrtBackend(threads=1)) == ON_HOST
    networks = {name: network for name, network in bundle.manifest.networks.items() if name not in ("nv12", "p010")}
    older = Bundle(bundle.folder, bundle.manifest.model_copy(update={"networks": networks}))
    assert device_frames(older, Device()) == "this bundle is of an older export, without the networks for it"


@pytest.fixture
def run(put: Put, tiny_bundle: Path, write_video: Draw, drawn: Draw, tmp_path: Path, monkeypatch: Any) -> Any:
    """Stylize a clip on the device or on the CPU: the report, the file, and the frames that came to the host."""
    put()
    source = write_video(tmp_path / "in.mp4", frames=[drawn(index) for index in range(12)], audio=["aac"])

    def stylized(device: str, **settings: Any) -> tuple[Report, Path, int]:
        home: list[FrameBuffer] = []
        true_rgb = FrameBuffer.rgb

        def rgb(pixels: FrameBuffer) -> Any:
            home.append(pixels)
            return true_rgb(pixels)

        monkeypatch.setattr(transfer, "open_backend", lambda name, *, threads: opened[name]())
        opened: dict[str, Callable[[], Backend]] = {"cuda": Device, "cpu": lambda: OrtBackend(threads=1)}
        target = tmp_path / f"{device}.mp4"
        with monkeypatch.context() as patch:
            patch.setattr(FrameBuffer, "rgb", rgb)
            chosen = Settings(quality=100, encoder="cpu", overwrite=True, **settings)
            report = VideoStyleTransfer(tiny_bundle, device=device).process_video(
                source, "noise", target, settings=chosen
            )
        return report, target, len(home)

    return stylized


def pictures(path: Path) -> Any:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]).astype(int)


def test_a_whole_run_brings_home_the_first_frame_to_compare_it_and_the_styled_ones(run: Any) -> None:
    on_device, film, home = run("cuda")
    on_host, expected, _ = run("cpu")
    assert str(on_device.decoder) == f"nvdec: {STAYS}"
    assert str(on_host.decoder) == "cpu: the networks run on the CPU"
    compared = 2  # the first frame, and the CPU's
    assert home == on_device.stages.frames_out + compared
    assert times(film) == times(expected) == [index * Fraction(1, 25) for index in range(12)]
    assert np.abs(pictures(film) - pictures(expected)).mean() < 1


def test_dis_reads_frames_on_the_host_so_nvdec_copies_them_there(run: Any) -> None:
    report, film, _ = run("cuda", temporal=True)
    assert report.temporal
    assert str(report.decoder) == f"nvdec: {COPIED}DIS reads them there"
    _, expected, _ = run("cpu", temporal=True)
    assert np.abs(pictures(film) - pictures(expected)).mean() < 1
