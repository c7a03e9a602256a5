"""NVDEC and NVENC on the GPU that is here. Needs one, and PyNvVideoCodec: `make test-gpu`."""

import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.runtime.video.nvdec.test_decoder import CLIPS, read
from tests.runtime.video.test_reader_and_writer import copy, times
from tsn.runtime.backends import Backend, open_backend
from tsn.runtime.backends.driver import probe_driver
from tsn.runtime.bundle.folder import Bundle, open_bundle
from tsn.runtime.bundle.manifest import library_named
from tsn.runtime.errors import UnavailableError
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer
from tsn.runtime.settings import Settings
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.video.encoders import try_nvenc
from tsn.runtime.video.nvdec import decoder as nvdec
from tsn.runtime.video.nvdec.frames import device_frames
from tsn.runtime.video.reader import VideoReader

pytestmark = pytest.mark.gpu

NEAR = 2  # levels of 255
SIZE = Size(258, 194)  # no multiple of what planes are aligned to, and larger than what NVDEC takes at least
TICKS = [0, 3000, 3001, 9000, 20000, 20500, 100000, 103000]


@pytest.fixture(autouse=True)
def gpu() -> None:
    """Skips where there is no GPU, and fails there under TSN_REQUIRE_GPU=1."""
    try:
        probe_driver()
        nvdec.open_library()
    except UnavailableError as error:
        if os.environ.get("TSN_REQUIRE_GPU") == "1":
            pytest.fail(f"TSN_REQUIRE_GPU=1, but {error}")
        pytest.skip(str(error))


def refuse_distant(path: Path, **settings: Any) -> None:
    """Fail where NVDEC gives other times or counts than the CPU, or frames that are not near its own."""
    expected, frames = read(path, "cpu", **settings)
    try:
        found, decoded = read(path, "nvdec", **settings)
    except UnavailableError as error:
        if "this GPU" in str(error):  # Hopper decodes no AV1, for one
            pytest.skip(str(error))
        raise
    assert found.decoder.name == "nvdec"
    assert [(frame.time, frame.duration) for frame in decoded] == [(frame.time, frame.duration) for frame in frames]
    assert (found.missing, found.size, found.colour) == (expected.missing, expected.size, expected.colour)
    distance = max(
        int(np.abs(one.rgb.astype(np.int16) - other.rgb).max()) for one, other in zip(decoded, frames, strict=True)
    )
    assert distance <= NEAR


@pytest.mark.parametrize("name", CLIPS)
def test_frames_times_and_counts_are_those_of_the_cpu(
    write_video: Callable[..., Path], drawn: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    count = len(CLIPS[name].get("ticks", range(24)))
    frames = [drawn(index, width=SIZE.width, height=SIZE.height) for index in range(count)]
    refuse_distant(write_video(tmp_path / name, frames=frames, **CLIPS[name]))


@pytest.mark.parametrize("closed", ["open-gop=0", "open-gop=1"])
def test_a_part_between_key_frames_is_that_of_the_cpu(
    write_video: Callable[..., Path], drawn: Callable[..., Any], tmp_path: Path, closed: str
) -> None:
    options = {"crf": "10", "x264-params": f"keyint=10:min-keyint=10:{closed}:bframes=2:scenecut=0"}
    frames = [drawn(index, width=SIZE.width, height=SIZE.height) for index in range(60)]
    source = write_video(tmp_path / "in.mp4", frames=frames, options=options)
    refuse_distant(source, start=Fraction(1), duration=Fraction(1, 2))
    refuse_distant(source, start=Fraction(33, 25), max_frames=7, shorter_side=120)


@pytest.fixture(scope="module", params=["cuda", "tensorrt", "tensorrt-rtx"])
def opened(
    request: pytest.FixtureRequest, tiny_half_bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Bundle, Backend]:
    """A bundle and a backend that runs it on this GPU; engines are built for it first."""
    try:
        backend = open_backend(request.param)
        library = library_named(request.param)
        if library is None:
            return open_bundle(tiny_half_bundle), backend
        from tsn.export.engines.job import add_engines
        from tsn.export.engines.request import EngineRequest, Sizes
        from tsn.export.engines.tensorrt import open_builder

        asked = EngineRequest(library=library, sizes=Sizes.of(size=SIZE))
        open_builder(asked)
    except UnavailableError as error:  # it is not installed, or knows no such GPU
        pytest.skip(str(error))
    folder = shutil.copytree(tiny_half_bundle, tmp_path_factory.mktemp("engines") / "bundle")
    add_engines(folder, asked)
    return open_bundle(folder).named(folder, library), backend


@pytest.mark.parametrize("name", ["h264.mp4", "variable.mp4", "full.mp4", "hevc.mp4", "deep.mkv"])
def test_frames_that_stay_on_the_gpu_are_those_of_the_cpu(
    opened: tuple[Bundle, Backend],
    write_video: Callable[..., Path],
    drawn: Callable[..., Any],
    tmp_path: Path,
    name: str,
) -> None:
    count = len(CLIPS[name].get("ticks", range(24)))
    frames = [drawn(index, width=SIZE.width, height=SIZE.height) for index in range(count)]
    source = write_video(tmp_path / name, frames=frames, **CLIPS[name])
    with VideoReader(source, Settings(decoder="cpu"), gpu=True) as reader:
        expected = list(reader)
    with VideoReader(source, Settings(decoder="nvdec"), gpu=True, on_device=device_frames(*opened)) as reader:
        found = list(reader)
    assert reader.decoder.reason.endswith("frames stay on the GPU")
    assert [frame.time for frame in found] == [frame.time for frame in expected]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.rgb.astype(int) - other.rgb).max() <= NEAR
    bundle, backend = opened
    stylizer = Stylizer(bundle, backend, style=mixed_style(bundle, backend, [StyleChoice(source="noise")], size=64))
    film = [stylizer.shown(frame.pixels, stylizer.ahead(frame.pixels, None)) for frame in found]
    for one, other in zip(film, expected, strict=True):
        assert np.abs(one.astype(int) - stylizer(other.rgb)).mean() < 1


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_nvenc_writes_every_frame_at_its_own_time(
    write_video: Callable[..., Path], drawn: Callable[..., Any], tmp_path: Path, codec: str
) -> None:
    try:
        try_nvenc(f"{codec}_nvenc", size=SIZE)
    except UnavailableError as error:  # H100, H200 and A100 have no encoder
        pytest.skip(str(error))
    frames = [drawn(index, width=SIZE.width, height=SIZE.height) for index in range(8)]
    source = write_video(tmp_path / "in.mp4", frames=frames, ticks=TICKS, time_base=Fraction(1, 90000))
    _, writer, _ = copy(source, tmp_path / "out.mp4", codec=codec, encoder="nvenc", quality=100)
    assert writer.encoder.name == f"{codec}_nvenc"
    assert times(tmp_path / "out.mp4") == [Fraction(tick, 90000) for tick in TICKS]
    with av.open(str(tmp_path / "out.mp4")) as container:
        first = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(first.astype(int) - frames[0]).mean() < 6  # chroma at half size, compression
