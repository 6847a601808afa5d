import shutil

import pytest

from medinorm.bundle.stage import write_bundle
from tests.bundle.finished_study import write_finished_study


@pytest.fixture(scope="session")
def made_bundle(tmp_path_factory, make_small_study):
    """Layout of a finished study, and its bundle."""
    folder = tmp_path_factory.mktemp("bundled")
    layout = write_finished_study(make_small_study, folder / "results")
    write_bundle(folder / "results", folder / "bundle", licence="CC0")
    return layout, folder / "bundle"


@pytest.fixture
def bundle(made_bundle, tmp_path):
    """A copy of the bundle, to be changed."""
    shutil.copytree(made_bundle[1], tmp_path / "bundle")
    return tmp_path / "bundle"
