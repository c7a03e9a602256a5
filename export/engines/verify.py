"""Whether an engine, on the GPU that it was built on, gives what its FP32 network gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from tsn.export.engines.request import EngineRequest
from tsn.export.networks.drawn_frames import SIZES
from tsn.runtime.backends import Backend
from tsn.runtime.bundle.folder import Bundle
from tsn.runtime.bundle.interfaces import NetworkName
from tsn.runtime.bundle.manifest import MANIFEST, Engine
from tsn.runtime.errors import AccuracyError
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.report import Log
from tsn.runtime.verification.drawn_frame import drawn_frame
from tsn.runtime.verification.engines import compare_engine
from tsn.runtime.verification.reference import Call, called, reference_calls


class EngineJudge:
    """Compares the engines of one build with the FP32 networks of their bundle, as the CPU computes them.

    Args:
        bundle: whose engines are judged.
        backend: runs them.
        request: what was asked for.
        pictures: real frames, uint8 (height, width, 3), to compare on beside drawn ones.
    """

    def __init__(self, bundle: Bundle, backend: Backend, request: EngineRequest, pictures: Sequence[RGB]) -> None:
        self._bundle, self._backend, self._request = bundle, backend, request
        self._pictures = pictures
        self._scenes: list[Mapping[NetworkName, Sequence[Call]]] = []

    def verified(self, name: NetworkName, engine: Engine, plan: bytes, log: Log) -> Engine:
        """`engine` with how far it lies from its network.

        Raises AccuracyError where that is too far and nobody allowed it, or where it gives no numbers at all.
        """
        if not self._scenes:
            log("computing what the engines are compared with, in FP32 on the CPU")
            self._scenes = [reference_calls(self._bundle, picture) for picture in self._frames()]
        calls = [call for scene in self._scenes for call in scene[name]]
        log(f"{name}: comparing the engine with the FP32 network on {len(calls)} frames")
        with TemporaryDirectory(prefix="tsn-") as folder:  # a backend loads what a manifest describes, and nothing else
            session = self._backend.load(self._staged(Path(folder), name, engine, plan))
        verdict = compare_engine(name, engine, lambda inputs: called(session, inputs, self._backend), calls)
        if verdict.complaint is not None and not self._request.allow_inaccurate:
            raise AccuracyError(
                f"the engine of {name} is too far from its network: {verdict.complaint}. No engine was installed",
                cure="Try another precision or another version of the library; --allow-inaccurate keeps it all the "
                "same. docs/notes/engine_too_far.md finds the layer, with: polygraphy run --trt --trt-outputs '*'",
            )
        return engine.model_copy(update={"verified": verdict.accuracy, "inaccurate": verdict.complaint is not None})

    def _frames(self) -> list[RGB]:
        sizes = self._request.sizes
        wanted = [size.within(sizes.minimum, sizes.maximum) for size in (*SIZES[:2], sizes.optimum)]
        drawn = [drawn_frame(size, seed=seed) for seed, size in enumerate(dict.fromkeys(wanted))]
        return drawn + [_resized(picture, sizes.minimum, sizes.maximum) for picture in self._pictures]

    def _staged(self, folder: Path, name: NetworkName, engine: Engine, plan: bytes) -> Path:
        (folder / engine.file).write_bytes(plan)
        networks = self._bundle.manifest.networks
        changed = {**networks, name: networks[name].model_copy(update={"engine": engine})}
        manifest = self._bundle.manifest.model_copy(update={"networks": changed})
        (folder / MANIFEST).write_text(manifest.document(), encoding="utf-8")
        return folder / engine.file


def _resized(picture: RGB, least: Size, most: Size) -> RGB:
    height, width, _ = picture.shape
    size = Size(width, height).within(least, most)
    return np.asarray(cv2.resize(picture, (size.width, size.height), interpolation=cv2.INTER_AREA), np.uint8)
