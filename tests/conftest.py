"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data():
    """Folder of real scans; tests that need it are skipped without it."""
    folder = Path(os.environ.get("MEDINORM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real data: set MEDINORM_REAL_DATA to its folder")
    return folder
