"""An engine for one size runs as a CUDA graph from its second call on, and two engines beside each other.

On stand-ins for the GPU and for TensorRT.
"""

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.runtime.backends.stand_in_cuda import Gpu, install
from tsn.runtime.backends import Array
from tsn.runtime.backends.cuda import CudaDevice, Stream
from tsn.runtime.backends.trt import TrtSession
from tsn.runtime.backends.trt_library import TrtLibrary
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import Engine
from tsn.runtime.errors import DeviceError

OUTPUT = "styled picture"  # another name than the plan's own, as with Torch-TensorRT
SHAPE = (1, 48, 64, 3)  # what the engine of `engine_bundle` takes
DTYPES: Mapping[str, Any] = {"frame": np.uint8, "strength": np.float32, "stylized": np.uint8}


def read(address: int, shape: tuple[int, ...], dtype: Any) -> Array:
    length = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(ctypes.string_at(address, length), dtype).reshape(shape)


class Context:
    """Adds `strength` to a frame, where it is told that the tensors lie."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        self.enqueued = 0
        self.fails = False

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> None:
        self._shapes[name] = shape

    def set_tensor_address(self, name: str, address: int) -> None:
        self._addresses[name] = address

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shapes["frame"]

    def execute_async_v3(self, stream: int) -> bool:
        self.enqueued += 1
        if self.fails:
            return False
        shapes, addresses = dict(self._shapes), dict(self._addresses)

        def work() -> None:
            frame = read(addresses["frame"], shapes["frame"], np.uint8)
            result = frame + read(addresses["strength"], (1,), np.float32).astype(np.uint8)
            ctypes.memmove(addresses["stylized"], result.ctypes.data, result.nbytes)

        self._gpu.queue(work, stream)
        return True


def engine_with(context: Context) -> Any:
    names = list(DTYPES)
    return SimpleNamespace(
        num_io_tensors=len(names),
        get_tensor_name=names.__getitem__,
        get_tensor_mode=lambda name: "output" if name == "stylized" else "input",
        get_tensor_dtype=DTYPES.__getitem__,
        create_execution_context=lambda: context,
    )


class Loaded:
    """A session on the stand-ins."""

    def __init__(self, device: CudaDevice, gpu: Gpu, entry: Engine, folder: Path, *, beside: bool = False) -> None:
        self.gpu, self.context, self.notes, self.device = gpu, Context(gpu), [], device
        module = SimpleNamespace(__version__="1.7.1", TensorIOMode=SimpleNamespace(OUTPUT="output"), nptype=np.dtype)
        library = TrtLibrary(name="tensorrt-rtx", module=module, logger=None)
        path = folder / "engine.plan"
        engine = engine_with(self.context)
        self.session = TrtSession(
            engine,
            entry,
            path,
            library,
            device,
            stream=device.beside if beside else device.networks,
            outputs=[OUTPUT],
            notes=self.notes,
        )

    def __call__(self, value: int, strength: int) -> Any:
        """The engine's output, still on the GPU, for a frame of one value."""
        frame = self.device.upload(np.full(SHAPE, value, np.uint8))
        return self.session(frame=frame, strength=self.device.upload(np.array([strength], np.float32)))[OUTPUT]


@pytest.fixture
def load(engine_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Loaded]:
    """Loads the engine, with changes to what its manifest says."""

    def loaded(**changes: object) -> Loaded:
        entry = open_bundle(engine_bundle).manifest.networks["stylize"].engine
        assert entry is not None
        return Loaded(*install(monkeypatch), entry.model_copy(update=changes), engine_bundle)

    return loaded


Pair = Callable[..., tuple[Loaded, Loaded]]


@pytest.fixture
def pair(engine_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Two engines on one GPU, the second on the stream beside; `seed` decides what runs first where nothing waits."""

    def loaded(*, seed: int, minimum: str) -> tuple[Loaded, Loaded]:
        entry = open_bundle(engine_bundle).manifest.networks["stylize"].engine
        assert entry is not None
        entry, (device, gpu) = entry.model_copy(update={"minimum": minimum}), install(monkeypatch, seed=seed)
        first, second = (Loaded(device, gpu, entry, engine_bundle, beside=beside) for beside in (False, True))
        return first, second

    return loaded


def film(one: Loaded, other: Loaded) -> list[tuple[int, int]]:
    """For each of some frames: what crosses the streams once, and twice. Their tensors are dropped, some held."""
    device, outputs = one.device, []
    three, kept = device.upload(np.array([3], np.float32)), None
    for number in range(12):
        frame = device.upload(np.full(SHAPE, number, np.uint8))
        there = other.session(frame=frame, strength=three)[OUTPUT]  # + 3
        here = one.session(frame=frame, strength=three)[OUTPUT]  # + 3
        back = one.session(frame=there, strength=three)[OUTPUT]  # + 6
        again = other.session(frame=here if kept is None else kept, strength=three)[OUTPUT]
        del frame, there
        kept = here if number % 3 == 0 else None
        outputs.append((back, again))
    return [(int(back.numpy().max()), int(again.numpy().max())) for back, again in outputs]


FILM = [(number + 6, (number - number % 3 if number % 3 == 1 else number) + 6) for number in range(12)]


@pytest.mark.parametrize("minimum", ["32x32", "64x48"], ids=["without graphs", "with graphs"])
@pytest.mark.parametrize("seed", range(8))
def test_two_streams_read_nothing_too_early_and_write_nothing_too_soon(pair: Pair, seed: int, minimum: str) -> None:
    one, other = pair(seed=seed, minimum=minimum)
    assert film(one, other) == FILM
    assert one.gpu.freed_outside == 0


@pytest.mark.parametrize("left_out", ["wait_for", "finish"])
def test_the_stand_in_shows_where_streams_do_not_wait_or_hold(
    pair: Pair, left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Stream.finish

    def holding_nothing(stream: Stream, reads: Any, writes: Any) -> None:
        whole(stream, [], writes)

    monkeypatch.setattr(Stream, left_out, holding_nothing if left_out == "finish" else lambda stream, tensors: None)
    assert any(film(*pair(seed=seed, minimum="32x32")) != FILM for seed in range(8))


def test_from_the_second_call_on_the_graph_is_launched_and_the_engine_not_enqueued(load: Callable[..., Loaded]) -> None:
    loaded = load()
    for number in range(4):
        np.testing.assert_array_equal(loaded(number, 10 * number).numpy(), np.full(SHAPE, 11 * number))
    assert loaded.context.enqueued == 2  # the first call, and its capture
    assert loaded.gpu.launches == 3
    assert loaded.notes == []


def test_what_a_call_gave_is_not_overwritten_by_the_next(load: Callable[..., Loaded]) -> None:
    loaded = load()
    outputs = [loaded(number, 1) for number in range(5)]
    assert [int(output.numpy()[0, 0, 0, 0]) for output in outputs] == [1, 2, 3, 4, 5]


def test_an_engine_for_a_range_of_sizes_is_never_captured(load: Callable[..., Loaded]) -> None:
    loaded = load(minimum="32x32")
    for number in range(3):
        np.testing.assert_array_equal(loaded(number, 1).numpy(), np.full(SHAPE, number + 1))
    assert (loaded.context.enqueued, loaded.gpu.launches) == (3, 0)


def test_where_the_driver_refuses_it_runs_without_a_graph_and_says_so_once(load: Callable[..., Loaded]) -> None:
    loaded = load()
    loaded.gpu.refuses = True
    for number in range(3):
        np.testing.assert_array_equal(loaded(number, 1).numpy(), np.full(SHAPE, number + 1))
    assert loaded.gpu.launches == 0
    reason = "operation not permitted when stream is capturing"
    assert loaded.notes == [f"engine.plan runs without a CUDA graph, and so a little slower: {reason}"]


def test_where_the_library_refuses_it_runs_without_a_graph_too(load: Callable[..., Loaded]) -> None:
    loaded = load()
    loaded.context.is_stream_capturable = lambda stream: False  # type: ignore[attr-defined]
    for number in range(3):
        np.testing.assert_array_equal(loaded(number, 1).numpy(), np.full(SHAPE, number + 1))
    assert loaded.context.enqueued == 3
    assert "the library says that this engine cannot be captured" in loaded.notes[0]


def test_a_capture_that_fails_leaves_the_stream_as_it_was(load: Callable[..., Loaded]) -> None:
    loaded = load()
    enqueue = loaded.context.execute_async_v3

    def fail_in_capture(stream: int) -> bool:
        loaded.context.fails = loaded.gpu._capturing is not None
        return enqueue(stream)

    loaded.context.execute_async_v3 = fail_in_capture  # type: ignore[method-assign]
    for number in range(3):
        np.testing.assert_array_equal(loaded(number, 1).numpy(), np.full(SHAPE, number + 1))
    assert loaded.gpu._capturing is None
    assert "the library refuses to be captured" in loaded.notes[0]


def test_an_engine_that_cannot_run_is_a_failure_of_the_device(load: Callable[..., Loaded]) -> None:
    loaded = load()
    loaded.context.fails = True
    with pytest.raises(DeviceError, match=r"TensorRT-RTX 1\.7\.1 cannot run .*engine\.plan"):
        loaded(1, 1)


def test_a_graph_that_cannot_be_launched_is_one_too(load: Callable[..., Loaded]) -> None:
    loaded = load()
    loaded(1, 1)
    loaded.gpu.cuGraphLaunch = lambda graph, stream: 700  # type: ignore[method-assign]
    with pytest.raises(DeviceError, match="the GPU failed"):
        loaded(1, 1)
