"""What all tests of benchmarks have in common."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def one_thread_of_torch() -> Iterator[None]:
    """Compute tiny pictures on one thread: beside other programs several wait for each other most of the time."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
