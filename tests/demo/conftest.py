"""A small demo study, written once for all tests of this folder."""

import pytest

from medinorm.config import DemoConfig
from medinorm.demo.anatomy import read_atlas
from medinorm.demo.scanners import SCANNERS
from medinorm.demo.study import write_demo


@pytest.fixture(scope="session")
def atlas():
    return read_atlas()


@pytest.fixture(scope="session")
def settings():
    return DemoConfig(scanners=tuple(SCANNERS), subjects=2, spacing=6.0, seed=7)


@pytest.fixture(scope="session")
def demo(tmp_path_factory, settings):
    """Folder with `dicom/` and `labels.tsv`."""
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder / "dicom", folder / "labels.tsv", settings=settings)
    return folder
