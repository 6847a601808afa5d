import pytest

from medinorm.errors import StageError
from medinorm.files.tables import write_table
from medinorm.split.domains import count_subjects, find_unusable, read_domains


def read(tmp_path, rows, columns=("site",)):
    scans = tmp_path / "scans.tsv"
    write_table(scans, rows, ("scan", "subject", "session", *rows[0]))
    return read_domains(scans, columns)


def test_columns_are_joined_and_compared_together(tmp_path):
    rows = [
        {"scan": "1", "subject": "1", "vendor": "GE", "site": "A"},
        {"scan": "2", "subject": "2", "vendor": "ge", "site": "a"},
        {"scan": "3", "subject": "3", "vendor": "GE", "site": "A"},
        {"scan": "4", "subject": "4", "vendor": "GE", "site": "n/a"},
    ]
    domains = [scan.domain for scan in read(tmp_path, rows, ("vendor", "site"))]
    assert domains == ["GE A", "GE A", "GE A", ""]


def test_an_unknown_column_is_refused(tmp_path):
    with pytest.raises(StageError, match="has no column 'town'"):
        read(tmp_path, [{"scan": "1", "subject": "1", "site": "A"}], ("town",))


@pytest.mark.parametrize(
    ("column", "hint"),
    [
        ("kernel", "; did you mean reconstruction_kernel?"),
        ("Vendor", "; did you mean vendor?"),
        ("vendro", "; did you mean vendor?"),
        ("reconstruction-kernel", "; did you mean reconstruction_kernel?"),
        ("town", ""),
        ("", ""),
    ],
)
def test_the_column_that_is_likely_meant_is_named(tmp_path, column, hint):
    row = {"scan": "1", "subject": "1", "vendor": "GE", "reconstruction_kernel": "b30f"}
    with pytest.raises(StageError, match="has no column") as caught:
        read(tmp_path, [row], (column,))
    assert str(caught.value).partition("it has ")[2] == (
        f"scan, subject, session, vendor, reconstruction_kernel{hint}"
    )


def test_subjects_are_counted_once(tmp_path):
    rows = [{"scan": str(n), "subject": str(n // 2), "site": "A"} for n in range(4)]
    scans = read(tmp_path, rows)
    assert count_subjects(scans) == {"A": 2}
    assert list(find_unusable(scans)) == []
    assert "if its 2 scans" in dict(find_unusable(scans[:2]))["0"]


def test_very_long_domains_are_cut_and_stay_apart(tmp_path):
    long = "x" * 10_000
    rows = [
        {"scan": str(n), "subject": str(n), "site": f"{long}{n}\u202e"}
        for n in range(3)
    ]
    domains = {scan.domain for scan in read(tmp_path, rows)}
    assert len(domains) == 3
    assert all(len(domain) == 80 and "\u202e" not in domain for domain in domains)
