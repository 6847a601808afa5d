"""What the tests of transforms share."""

import pytest
import torch

from tests.transforms.cases import as_meta, make_scan


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def scan():
    """Two channels, with metadata."""
    return as_meta(make_scan())
