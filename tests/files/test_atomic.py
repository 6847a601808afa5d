"""A file appears whole or not at all."""

import hashlib

import pytest

from medinorm.files.atomic import (
    checksum,
    clear_leftovers,
    read_json,
    replacing,
    write_json,
)


def write_half(path):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a" / "x.nii.gz"
    with replacing(path) as temporary:
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_json_round_trip_refuses_nan(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"b": 1, "a": [1.5, None]})
    assert read_json(path) == {"a": [1.5, None], "b": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, float("nan"))
    assert read_json(path)["b"] == 1


def test_checksum_is_blake2b(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"abc" * 100_000)
    expected = hashlib.blake2b(b"abc" * 100_000, digest_size=16).hexdigest()
    assert checksum(path) == expected


def test_only_temporaries_of_the_named_files_are_cleared(tmp_path):
    names = (".7-scans.tsv", ".81-scans.tsv", ".7-.scans.tsv.checksum")
    left = [tmp_path / name for name in names]
    kept = [tmp_path / name for name in (".7-other.tsv", ".x-scans.tsv", "7-scans.tsv")]
    for path in (*left, *kept):
        path.touch()
    clear_leftovers([tmp_path / "scans.tsv", tmp_path / "none" / "x"])
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)
