"""The record of a study's circumstances is read as it was written."""

import pytest

from medinorm.errors import StageError
from medinorm.records.environment import (
    Environment,
    read_environment,
    write_environment,
)

ENVIRONMENT = Environment(
    *("2026-01-02T03:04:05+00:00", "0.1.0", None, {"torch": "2"}, "Linux", "A CPU"),
    *(2, 7.5, ("A card",), {"shards": 2}, "ff"),
)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "environment.json"
    assert read_environment(path) is None
    write_environment(path, ENVIRONMENT)
    assert read_environment(path) == ENVIRONMENT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cards": 3}', '{"cards": []}'])
def test_what_is_no_record_is_one_line(tmp_path, text):
    path = tmp_path / "environment.json"
    path.write_text(text)
    with pytest.raises(StageError, match="run environment again"):
        read_environment(path)
