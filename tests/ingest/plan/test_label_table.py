from pathlib import Path

import pytest

from medinorm.errors import StageError
from medinorm.ingest.plan.label_table import read_label_table


def read(tmp_path, *lines):
    path = tmp_path / "secret-name.tsv"
    path.write_text("\n".join(lines) + "\n")
    return read_label_table(path)


def found(table, series="1.2", subject="a", sessions=()):
    lines = table.lines_of(series, subject, frozenset(sessions))
    return [line.where for line in lines]


def test_no_table_has_no_lines():
    assert read_label_table(None).entries == ()


def test_lines_are_about_a_series_or_a_subject(tmp_path):
    table = read(
        tmp_path,
        "series_uid\tsubject\tsession\tlabel\thand",
        "1.2\ta\t\tx.nii\tme",
        "\ta\t\ty.nii\tyou",
        "\ta\t2024\tz.nii\tyou",
    )
    assert found(table) == ["input.labels, line 2", "input.labels, line 3"]
    assert found(table, series="9", sessions=["2024"]) == [
        *("input.labels, line 3", "input.labels, line 4"),
    ]
    assert found(table, series="9", subject="b") == []
    first = table.entries[0]
    assert (first.series, first.session, first.own) == ("1.2", None, {"hand": "me"})
    assert first.label == tmp_path / "x.nii"


def test_labels_lie_beside_the_table_unless_their_path_is_whole(tmp_path):
    table = read(tmp_path, "subject\tlabel", "a\t/else/x.nii")
    assert table.entries[0].label == Path("/else/x.nii")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["subject\tlabel"], "has no rows"),
        (["label", "x.nii"], "needs a column series_uid or subject"),
        (["subject\tlabel\timage", "a\tx.nii\ty.nii"], "column 'image' has a meaning"),
        (["subject", "a"], "column 'label' is missing"),
    ],
)
def test_wrong_tables_are_refused_without_their_name(tmp_path, lines, message):
    with pytest.raises(StageError, match=message) as caught:
        read(tmp_path, *lines)
    assert "secret-name" not in str(caught.value)
