"""What the tests of transforms share."""

import pytest
import torch

from medinorm.files.nifti import Volume, write_volume
from tests.transforms.cases import AFFINE, as_meta, make_scan


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


@pytest.fixture
def file(tmp_path):
    """A scan of two channels on disk."""
    path = tmp_path / "scan.nii.gz"
    write_volume(Volume(make_scan(), AFFINE.numpy()), path)
    return path
