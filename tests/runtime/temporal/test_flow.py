"""Motion: OpenCV's DIS, and how the networks of RAFT are called."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tsn.runtime.backends import Backend, Tensor, open_backend
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.temporal.flow import DisFlow, OnHost, RaftFlow


def textured(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """A picture of soft blobs, which can be matched anywhere."""
    noise = np.random.default_rng(seed).integers(0, 256, (height // 6 + 2, width // 6 + 2, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


def test_a_shift_is_found_in_pixels_from_the_current_frame_to_the_previous_one() -> None:
    previous = textured(120, 160)
    current = np.roll(previous, (2, 3), axis=(0, 1))  # down 2, to the right 3: it came from above and from the left
    flow = DisFlow()(current, previous)
    assert flow.shape == (120, 160, 2)
    np.testing.assert_allclose(np.median(flow[10:-10, 10:-10], axis=(0, 1)), [-3, -2], atol=0.15)


def test_equal_frames_have_no_flow_at_all() -> None:
    frame = textured(90, 110)
    assert not DisFlow()(frame, frame.copy()).any()


def test_what_does_not_change_stands_still_beside_what_moves() -> None:
    previous = textured(120, 160)
    current = previous.copy()
    current[:, 80:] = np.roll(previous, 4, axis=1)[:, 80:]
    flow = DisFlow()(current, previous)
    assert not flow[:, :70].any()
    assert abs(np.median(flow[20:-20, 100:150, 0]) + 4) < 0.3


def test_what_moves_in_colour_alone_is_found_and_what_luma_finds_beside_it_stays() -> None:
    previous = textured(120, 160)
    current = np.roll(previous, 3, axis=1)
    plane = np.random.default_rng(0).normal(0, 1, (120, 160))
    bumps = cv2.GaussianBlur(plane, (0, 0), 4) * 600
    tint = bumps[..., np.newaxis] * [1, -0.299 / 0.587, 0]  # it changes no luma
    grey, moved = np.full((120, 160, 3), 128.0), np.roll(tint, 4, axis=1)
    half = (np.arange(160) < 80)[np.newaxis, :, np.newaxis]
    before = np.where(half, grey + tint, previous).clip(0, 255).astype(np.uint8)
    now = np.where(half, grey + moved, current).clip(0, 255).astype(np.uint8)
    flow = DisFlow()(now, before)
    np.testing.assert_allclose(np.median(flow[15:-15, 15:65], axis=(0, 1)), [-4, 0], atol=0.3)
    np.testing.assert_allclose(np.median(flow[15:-15, 95:145], axis=(0, 1)), [-3, 0], atol=0.2)


def test_a_place_whose_colour_alone_changes_does_not_count_as_unchanged() -> None:
    previous = textured(120, 160)
    current = previous.copy()
    current[40:80, 60:100, 0] ^= 1  # a level of red: three tenths of a level of luma
    moving: Any = OnHost(lambda now, before: DisFlow()(now, before))
    assert not moving(FrameBuffer(current), FrameBuffer(previous)).still


@pytest.mark.parametrize(("height", "width"), [(9, 9), (9, 200), (33, 17)])
def test_small_frames_have_flow_too(height: int, width: int) -> None:
    flow = DisFlow()(textured(height, width), textured(height, width, seed=1))
    assert flow.shape == (height, width, 2)
    assert np.isfinite(flow).all()


def test_an_unchanged_frame_is_still_and_not_searched() -> None:
    frame = textured(40, 60)
    motion = OnHost(lambda current, previous: pytest.fail("searched"))(FrameBuffer(frame), FrameBuffer(frame.copy()))
    assert motion.still
    assert isinstance(motion.flow, np.ndarray)
    assert not motion.flow.any()
    changed = frame.copy()
    changed[0, 0, 0] ^= 1
    assert not OnHost(DisFlow())(FrameBuffer(frame), FrameBuffer(changed)).still


class Raft:
    """A backend whose networks give no more than what a test looks at. `asked` are the frames, by network."""

    concurrency = 1

    def __init__(self) -> None:
        self._cpu: Backend = open_backend("cpu", threads=1)
        self.upload = self._cpu.upload
        self.asked: dict[str, list[Tensor]] = {"features.onnx": [], "flow.onnx": []}

    def load(self, network: Path, *, concurrency: int = 1, beside: bool = False) -> Any:
        assert beside

        def features(frame: Tensor) -> Mapping[str, Tensor]:
            self.asked[network.name].append(frame)
            return {"features": frame}

        def flow(current: Tensor, previous: Tensor, **features: Tensor) -> Mapping[str, Tensor]:
            assert features == {"features": current, "previous_features": previous}
            self.asked[network.name].append(current)
            changed = np.abs(current.numpy().astype(np.float32) - previous.numpy()).max().reshape(1)
            return {"flow": current, "changed": self.upload(changed)}

        return features if network.name == "features.onnx" else flow


def test_raft_computes_the_features_of_a_frame_once_and_says_where_nothing_changed() -> None:
    backend: Any = Raft()
    raft = RaftFlow(Path("features.onnx"), Path("flow.onnx"), backend, largest_pixels=None)
    one, other = textured(40, 60), textured(40, 60, seed=1)
    film = [FrameBuffer(one), FrameBuffer(other), FrameBuffer(other.copy())]
    assert [raft(film[number], film[number - 1]).still for number in (1, 2)] == [False, True]
    assert len(backend.asked["features.onnx"]) == 3
    assert len(backend.asked["flow.onnx"]) == 2
    assert {id(tensor) for tensor in backend.asked["flow.onnx"]} <= {id(frame.tensor(backend.upload)) for frame in film}
