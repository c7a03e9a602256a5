"""How stable, sharp and true styled videos are: every measure for every frame, and in total."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tsn.benchmarks.quality.perceptual import Judge, Seen, steadiness
from tsn.benchmarks.quality.sharpness import gradient_magnitude, laplacian_variance, ssim
from tsn.benchmarks.quality.warping import warping_error
from tsn.runtime.errors import InputError
from tsn.train.warping import trusted

LONG_RANGE = 10  # frames
RGB = NDArray[np.uint8]  # (height, width, 3)
Flow = Callable[[RGB, RGB], Tensor]  # (a, b) -> (1, H, W, 2): pixels, from a to b

# What is measured of each frame -> how the frames become one number. E is averaged before its root is taken.
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
        """The mean over the frames that have a value."""
        values = [value for value in self.frames[measure] if value is not None]
        return sum(values) / len(values) if values else None

    def totals(self, reference: "Scores") -> dict[str, float | None]:
        """One number for each measure; sharpness and losses also as ratios to `reference`, the frame-wise video."""
        totals = {measure: self.mean(measure) for measure in MEASURES}
        for which in ("short", "long"):
            error = totals[f"warping_error_{which}"]
            totals[f"rmse_{which}"] = None if error is None else math.sqrt(error)
        for measure in ("laplacian_variance", "gradient_magnitude", "content_loss", "style_loss"):
            mine, theirs = totals[measure], reference.mean(measure)
            totals[f"{measure}_ratio"] = None if mine is None or not theirs else mine / theirs
        return totals


@torch.inference_mode()
def evaluate(
    content: Iterable[RGB],
    styled: Mapping[str, Iterable[RGB]],
    *,
    flow: Flow,
    judge: Judge | None = None,
    progress: Callable[[int], None] = lambda frame: None,
) -> list[Scores]:
    """Measure styled videos against the content they were made from. Keeps LONG_RANGE frames of each in memory.

    Args:
        content: the frames of the input.
        styled: the frames of each output, by its name.
        flow: computes flow between two frames of the content.
        judge: measures content and style losses; they are left out where None.
        progress: called with the number of each frame.

    Raises:
        InputError: a video has other frames than the content, in number or in size.
    """
    scores = [Scores(name=name) for name in styled]
    past: deque[RGB] = deque(maxlen=LONG_RANGE)
    past_styled: list[deque[Tensor]] = [deque(maxlen=LONG_RANGE) for _ in styled]
    seen: list[Seen | None] = [None for _ in styled]
    for number, (frame, outputs) in enumerate(_together(content, styled)):
        progress(number)
        pairs = _pairs(past, frame, flow)
        features = judge.content(as_tensor(frame)) if judge is not None else None
        for place, output in enumerate(outputs):
            rows, now = scores[place].frames, as_tensor(output)
            for measure, (back, flows) in pairs.items():
                error = None if flows is None else warping_error(past_styled[place][-back], now, *flows)
                rows[measure].append(error)
            rows["laplacian_variance"].append(laplacian_variance(now))
            rows["gradient_magnitude"].append(gradient_magnitude(now))
            rows["ssim"].append(ssim(now, as_tensor(frame)))
            if judge is not None and features is not None:
                before, seen[place] = seen[place], judge.styled(now, features)
                _judge(rows, before, seen[place], pairs["warping_error_short"][1])
            past_styled[place].append(now)
        past.append(frame)
    return scores


def as_tensor(frame: RGB) -> Tensor:
    """A frame as (1, 3, H, W) in 0..1."""
    return torch.from_numpy(np.array(frame)).permute(2, 0, 1).unsqueeze(0).float() / 255


Flows = tuple[Tensor, Tensor]  # from the later frame to the earlier, and where it can be trusted


def _pairs(past: Sequence[RGB], frame: RGB, flow: Flow) -> dict[str, tuple[int, Flows | None]]:
    """For short and long range: how many frames lie between, and the flow, None where there is no such frame yet."""
    pairs: dict[str, tuple[int, Flows | None]] = {}
    for measure, back in (("warping_error_short", 1), ("warping_error_long", LONG_RANGE)):
        flows = None
        if len(past) >= back:
            backward = flow(frame, past[-back])
            flows = backward, trusted(backward, flow(past[-back], frame))
        pairs[measure] = back, flows
    return pairs


def _judge(rows: dict[str, list[float | None]], before: Seen | None, now: Seen | None, flows: Flows | None) -> None:
    assert now is not None
    rows["content_loss"].append(now.content)
    rows["style_loss"].append(now.style)
    rows["feature_consistency"].append(
        None if before is None or flows is None else steadiness(before, now, backward=flows[0])
    )


def _together(content: Iterable[RGB], styled: Mapping[str, Iterable[RGB]]) -> Iterable[tuple[RGB, list[RGB]]]:
    """The frames of all videos side by side. Raises InputError where one ends early or has another size."""
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
