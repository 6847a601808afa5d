"""The compiled loops, switched on for a test."""

import pytest

from medinorm.layers.compiled import enable


@pytest.fixture
def compiled():
    pytest.importorskip("numba", reason="medinorm[compiled]")
    enable()
    yield
    enable(on=False)
