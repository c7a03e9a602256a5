"""Stability, sharpness and likeness of styled videos: every measure for every frame, and in total."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsn.benchmarks.quality.flow import FlowEstimator
from tsn.benchmarks.quality.perceptual import FrameLosses, Judge
from tsn.benchmarks.quality.sharpness import gradient_magnitude, laplacian_variance, ssim
from tsn.benchmarks.quality.warping import feature_consistency, warping_error
from tsn.export.networks.graphs import planes
from tsn.runtime.errors import InputError
from tsn.runtime.frame import RGB
from tsn.runtime.pictures.folder import pictures_in
from tsn.runtime.pictures.reader import read_picture
from tsn.runtime.settings import Settings
from tsn.runtime.video.reader import VideoReader
from tsn.train.warping import trusted

LONG_RANGE = 10  # frames

# Of each frame. A video's number is their mean; the root of a warping error is taken after that.
MEASURES = (
    "warping_error_short",
    "warping_error_long",
    "laplacian_variance",
    "gradient_magnitude",
    "content_loss",
    "style_loss",
    "feature_consistency",
    "ssim",
)


@dataclass(kw_only=True)
class Scores:
    """One styled video: for each measure a value for each frame, None where the frame has none."""

    name: str
    frames: dict[str, list[float | None]] = field(default_factory=lambda: {measure: [] for measure in MEASURES})

    def mean(self, measure: str) -> float | None:
        """Return the mean over the frames that have a value."""
        values = [value for value in self.frames[measure] if value is not None]
        return sum(values) / len(values) if values else None

    def totals(self, reference: "Scores") -> dict[str, float | None]:
        """Return a number for each measure; of sharpness and losses also the ratio to a frame-wise `reference`."""
        totals = {measure: self.mean(measure) for measure in MEASURES}
        for which in ("short", "long"):
            error = totals[f"warping_error_{which}"]
            totals[f"rmse_{which}"] = None if error is None else math.sqrt(error)
        for measure in ("laplacian_variance", "gradient_magnitude", "content_loss", "style_loss"):
            mine, theirs = totals[measure], reference.mean(measure)
            totals[f"{measure}_ratio"] = None if mine is None or not theirs else mine / theirs
        return totals


def frames_of(path: Path, max_frames: int | None = None) -> Iterator[RGB]:
    """Read the frames of a video, or the pictures in a folder in the order of their names."""
    if path.is_dir():
        yield from (read_picture(picture) for picture in pictures_in(path, most=max_frames))
        return
    with VideoReader(path, Settings(max_frames=max_frames)) as reader:
        yield from (frame.rgb for frame in reader)


@torch.inference_mode()
def evaluate(
    content: Iterable[RGB],
    styled: Mapping[str, Iterable[RGB]],
    *,
    flow: FlowEstimator,
    judge: Judge | None = None,
    progress: Callable[[int], None] = lambda frame: None,
) -> list[Scores]:
    """Measure styled videos against the content they were made from. Keeps LONG_RANGE frames of each in memory.

    Args:
        content: the frames of the input.
        styled: the frames of each output, by its name.
        flow: estimates the flow between two frames of the content.
        judge: measures content and style losses; they are left out where None.
        progress: called with the number of each frame.

    Raises:
        InputError: a video has other frames than the content, in number or in size.
    """
    scores = [Scores(name=name) for name in styled]
    past: deque[RGB] = deque(maxlen=LONG_RANGE)
    past_styled: list[deque[Tensor]] = [deque(maxlen=LONG_RANGE) for _ in styled]
    losses: list[FrameLosses | None] = [None for _ in styled]
    for number, (frame, outputs) in enumerate(_together(content, styled)):
        progress(number)
        pairs = _pairs(past, frame, flow)
        original = frame_tensor(frame)
        features = judge.content(original) if judge is not None else None
        for place, output in enumerate(outputs):
            rows, now = scores[place].frames, frame_tensor(output)
            for measure, (back, flows) in pairs.items():
                error = None if flows is None else warping_error(past_styled[place][-back], now, *flows)
                rows[measure].append(error)
            rows["laplacian_variance"].append(laplacian_variance(now))
            rows["gradient_magnitude"].append(gradient_magnitude(now))
            rows["ssim"].append(ssim(now, original))
            if judge is not None and features is not None:
                found = judge.styled(now, features)
                _add_losses(rows, losses[place], found, pairs["warping_error_short"][1])
                losses[place] = found
            past_styled[place].append(now)
        past.append(frame)
    return scores


def frame_tensor(frame: RGB) -> Tensor:
    """Return a frame as float32 (1, 3, H, W) in 0..1."""
    return planes(torch.from_numpy(np.array(frame))[None])


Flows = tuple[Tensor, Tensor]  # from the later frame to the earlier, and where it can be trusted


def _pairs(past: Sequence[RGB], frame: RGB, flow: FlowEstimator) -> dict[str, tuple[int, Flows | None]]:
    """For short and long range: how many frames lie between, and the flow, None where there is no such frame yet."""
    pairs: dict[str, tuple[int, Flows | None]] = {}
    for measure, back in (("warping_error_short", 1), ("warping_error_long", LONG_RANGE)):
        flows = None
        if len(past) >= back:
            backward = flow(frame, past[-back])
            flows = backward, trusted(backward, flow(past[-back], frame))
        pairs[measure] = back, flows
    return pairs


def _add_losses(
    rows: dict[str, list[float | None]], before: FrameLosses | None, now: FrameLosses, flows: Flows | None
) -> None:
    rows["content_loss"].append(now.content)
    rows["style_loss"].append(now.style)
    rows["feature_consistency"].append(
        None if before is None or flows is None else feature_consistency(before.features, now.features, flows[0])
    )


def _together(content: Iterable[RGB], styled: Mapping[str, Iterable[RGB]]) -> Iterable[tuple[RGB, list[RGB]]]:
    """Yield the frames of all videos side by side. Raises InputError where one ends early or has another size."""
    readers = {name: iter(frames) for name, frames in styled.items()}
    number = -1
    for number, frame in enumerate(content):
        outputs: list[RGB] = []
        for name, reader in readers.items():
            output = next(reader, None)
            if output is None:
                raise InputError(f"{name} ends after {number} frames, the content goes on. Style the whole of it")
            if output.shape != frame.shape:
                raise InputError(
                    f"{name} is {output.shape[1]}x{output.shape[0]}, the content {frame.shape[1]}x{frame.shape[0]}: "
                    "style it without --size, or give the reduced content"
                )
            outputs.append(output)
        yield frame, outputs
    for name, reader in readers.items():
        if next(reader, None) is not None:
            raise InputError(f"{name} has more than the {number + 1} frames of the content. Is it of another video?")
