"""Frames from Python are stylized as those of a file are: at the working size, and held where that is asked for."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.runtime.conftest import draw
from tsn.runtime import Settings, VideoStyleTransfer
from tsn.runtime.errors import InputError
from tsn.runtime.style import StyleChoice

NOISE = [StyleChoice(source="noise")]


def test_a_frame_keeps_its_size_and_is_stylized_at_the_working_size(tiny_bundle: Path) -> None:
    transfer = VideoStyleTransfer(tiny_bundle, threads=1)
    frame = draw(0, width=97, height=64)
    whole = transfer.frame_stylizer(NOISE, settings=Settings(work_lines=None))(frame)
    carried_up = transfer.frame_stylizer(NOISE, settings=Settings(work_lines=32))(frame)
    assert whole.shape == carried_up.shape == frame.shape
    assert np.abs(whole.astype(int) - carried_up).mean() > 1  # levels: another picture


def test_held_frames_change_less_than_frames_alone() -> None:
    transfer = VideoStyleTransfer("lite", threads=1)
    random = np.random.default_rng(0)
    still = draw(0, width=96, height=72)
    frames = [np.clip(still + random.normal(0, 3, still.shape), 0, 255).astype(np.uint8) for _ in range(4)]

    def change(*, temporal: bool) -> float:
        stylize = transfer.frame_stylizer([StyleChoice(source="mosaic")], settings=Settings(temporal=temporal))
        shown = [stylize(frame).astype(int) for frame in frames]
        return float(np.mean([np.abs(after - before).mean() for before, after in pairwise(shown)]))

    assert change(temporal=True) < 0.8 * change(temporal=False)


def test_a_style_that_is_not_there_is_told_at_once(tiny_bundle: Path) -> None:
    with pytest.raises(InputError, match="neither a style of this bundle nor a picture"):
        VideoStyleTransfer(tiny_bundle, threads=1).frame_stylizer([StyleChoice(source="nois")])
