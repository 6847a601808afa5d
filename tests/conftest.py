"""What all tests share."""

import os
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is no failure; CI tries the same examples each time, a developer
# others each time.
settings.register_profile(
    "medinorm", deadline=None, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("medinorm")

ROOT = Path(__file__).resolve().parents[1]


# Minutes each: they come first, so that no process waits for one of them in the end.
LONG = ("test_faults.py", "test_workflow.py", "test_planted.py", "test_notebooks.py")


def pytest_collection_modifyitems(items):
    """Put the long files first."""
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture(scope="session")
def real_data():
    """Folder of real scans; tests that need it are skipped without it."""
    folder = Path(os.environ.get("MEDINORM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set MEDINORM_REAL_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def process_server():
    """The server of which processes are forked: it imports once what training needs."""
    forkserver.set_forkserver_preload(["medinorm.train.stage"])
    forkserver.ensure_running()


@pytest.fixture
def small_study(tmp_path, make_small_study):
    """Four subjects on each of two scanners; two of each four test."""
    return make_small_study(tmp_path)


@pytest.fixture(scope="session")
def make_small_study():
    """Writes such a study into a folder, for fixtures that many tests share."""
    # Here, so that tests that only read the source need no package of ours.
    return import_module("tests.small_study").write_small_study
