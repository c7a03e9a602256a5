"""The pipeline gives the same frames however many it computes at once."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.temporal.test_flow import textured
from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB, Frame, FrameBuffer
from tsn.runtime.geometry import Size
from tsn.runtime.pipeline import Stylizer, stylize_video, with_previous
from tsn.runtime.report import Stages
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.flow import DisFlow, OnHost
from tsn.runtime.temporal.hold import TemporalBlend


class Moving:
    """A picture that moves to the left."""

    rate = Fraction(25)

    def __init__(self, size: Size, frames: int) -> None:
        self.size, self._frames = size, frames

    def __iter__(self) -> Iterator[Frame]:
        wide = textured(self.size.height, self.size.width + self._frames)
        for number in range(self._frames):
            rgb = np.ascontiguousarray(wide[:, number : number + self.size.width])
            yield Frame(pixels=FrameBuffer(rgb), time=number / self.rate, duration=1 / self.rate)


class Kept:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.frames: list[RGB] = []

    def write(self, frame: Frame) -> None:
        self.frames.append(frame.rgb)

    def close(self) -> None:
        pass


def stylized(folder: Path, *, threads: int, height: int = 72) -> tuple[list[RGB], Stages, int]:
    """The frames of a held video, the stages, and how many frames were computed at once."""
    bundle, backend = open_bundle(folder), open_backend("cpu", threads=threads)
    style = mixed_style(bundle, backend, [StyleChoice(source="noise")], size=64)
    temporal = TemporalBlend(bundle, backend, flow=OnHost(DisFlow()))
    stylizer = Stylizer(bundle, backend, style=style, temporal=temporal, side_by_side=True)
    sink = Kept()
    stages = stylize_video(Moving(Size(96, height), 24), stylizer, sink, progress=lambda done: None)
    return sink.frames, stages, stylizer.concurrency


def test_frames_computed_at_once_are_those_computed_in_turn(tiny_bundle: Path) -> None:
    alone, _, one = stylized(tiny_bundle, threads=1)
    together, stages, several = stylized(tiny_bundle, threads=3)
    assert (one, several) == (1, 3)
    np.testing.assert_array_equal(np.stack(alone), np.stack(together))
    assert stages.frames_in == stages.frames_out == 24
    assert 0 < stages.blend < stages.wall
    assert 0 < stages.stylize < stages.wall


def test_an_error_in_a_frame_ends_the_run_with_it(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="too small"):
        stylized(tiny_bundle, threads=2, height=2)


def test_each_frame_comes_with_the_one_before_it() -> None:
    assert list(with_previous("abc")) == [("a", None), ("b", "a"), ("c", "b")]
