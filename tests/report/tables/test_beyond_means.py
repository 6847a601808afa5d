"""The tables beyond means are read as far as they exist."""

import pytest

from medinorm.errors import StageError
from medinorm.report.tables.beyond_means import read_beyond_means


def test_a_study_of_an_earlier_version_has_none(tmp_path):
    tables = read_beyond_means(tmp_path)
    assert tables.unseen_domains == tables.ranks == ()


def test_a_damaged_table_is_one_line(tmp_path):
    (tmp_path / "ranks.tsv").write_text("variant\n1\n")
    with pytest.raises(StageError, match=r"ranks\.tsv"):
        read_beyond_means(tmp_path)
