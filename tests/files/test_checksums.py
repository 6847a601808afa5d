"""What is not as it was written is deleted and named; files of a user's are taken."""

import pytest

from medinorm.errors import DamagedError
from medinorm.files.checksums import (
    checksum_path,
    require_as_written,
    write_checksum,
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "scans.tsv"
    path.write_text("scan\tdice\na\t0.5\nb\t0.6\n")
    write_checksum(path)
    return path


def test_what_was_written_passes(table):
    require_as_written(table)
    assert table.exists()


@pytest.mark.parametrize(
    "text", ["scan\tdice\na\t0.5\n", "scan\tdice\na\t0.5\nb\t0.7\n", ""]
)
def test_a_changed_table_is_kept_deleted_and_named(table, text):
    table.write_text(text)
    with pytest.raises(DamagedError, match=r"^scans\.tsv was changed since.*\.edited"):
        require_as_written(table)
    (kept,) = table.parent.iterdir()
    assert (kept.name, kept.read_text()) == ("scans.tsv.edited", text)


def test_no_kept_copy_replaces_another(table):
    for text in ("mine\n", "mine too\n", "mine\n"):
        table.write_text(text)
        write_checksum(table)
        checksum_path(table).write_text("00\n")
        with pytest.raises(DamagedError):
            require_as_written(table)
    kept = {path.name: path.read_text() for path in table.parent.iterdir()}
    assert kept == {"scans.tsv.edited": "mine\n", "scans.tsv.edited-2": "mine too\n"}


def test_a_damaged_checksum_is_damage_too(table):
    checksum_path(table).write_bytes(b"\xff")
    with pytest.raises(DamagedError, match=r"^the plan was changed"):
        require_as_written(table, called="the plan")


def test_a_table_of_a_user_is_taken(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("scan\n")
    require_as_written(path)
    require_as_written(tmp_path / "none.tsv")
