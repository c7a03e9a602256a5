"""Where the tests find media: drawn by themselves, or real when it is there."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real weights, clips and pictures; skips where there is none ($TSN_TEST_DATA or ../shared/data)."""
    candidates = [os.environ.get("TSN_TEST_DATA"), Path(__file__).parents[2] / "shared" / "data"]
    for candidate in candidates:
        if candidate and Path(candidate).is_dir():
            return Path(candidate)
    pytest.skip("needs real data: set TSN_TEST_DATA to its folder")
