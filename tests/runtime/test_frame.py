"""A frame's pixels are copied to and from a device when they are asked for, and once."""

import numpy as np
import pytest

from tsn.runtime.backends import Array, Tensor, open_backend
from tsn.runtime.frame import FrameBuffer
from tsn.runtime.geometry import Size

RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)


class Counted:
    """A tensor that counts its way home."""

    shape = (1, *RGB.shape)
    downloads = 0

    def numpy(self) -> Array:
        self.downloads += 1
        return RGB[None]


def test_a_frame_of_the_host_is_uploaded_once_for_all_that_ask() -> None:
    uploads: list[Array] = []
    backend = open_backend("cpu", threads=1)

    def upload(array: Array) -> Tensor:
        uploads.append(array)
        return backend.upload(array)

    pixels = FrameBuffer(RGB)
    assert pixels.size == Size(10, 6)
    assert pixels.tensor(upload) is pixels.tensor(upload)
    assert len(uploads) == 1
    np.testing.assert_array_equal(pixels.tensor(upload).numpy(), RGB[None])
    assert pixels.rgb() is RGB


def test_a_frame_of_a_device_comes_home_only_when_it_must() -> None:
    tensor = Counted()
    pixels = FrameBuffer(tensor)
    assert pixels.size == Size(10, 6)
    assert pixels.tensor(lambda array: pytest.fail("it is there already")) is tensor
    assert tensor.downloads == 0
    np.testing.assert_array_equal(pixels.rgb(), RGB)
    assert pixels.rgb() is pixels.rgb()
    assert tensor.downloads == 1
