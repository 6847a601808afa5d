"""Laws of the division into training and test subjects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.config import SplitConfig
from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.records.scans import ExcludedRow
from medinorm.split.stage import (
    DomainScan,
    divide_subjects,
    find_single_subject_domains,
    plan_splits,
)
from tests.split.tables import run_split, study

members = st.lists(
    st.builds(
        DomainScan,
        scan=st.uuids().map(str),
        subject=st.sampled_from("abcdefghijklmnop"),
        domain=st.sampled_from(["x", "y", "z"]),
    ),
    min_size=1,
    max_size=40,
)


@given(members=members, folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_each_subject_has_one_fold(members, folds, seed):
    fold_of = divide_subjects(members, folds, seed)
    assert set(fold_of) == {member.subject for member in members}
    assert all(0 <= fold < folds for fold in fold_of.values())


@given(count=st.integers(2, 40), folds=st.integers(2, 6), seed=st.integers(0, 99))
def test_parts_of_a_domain_differ_by_one_subject_at_most(count, folds, seed):
    members = [DomainScan(str(n), str(n), "x") for n in range(count)]
    fold_of = divide_subjects(members, folds, seed)
    sizes = [list(fold_of.values()).count(fold) for fold in range(folds)]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("test_folds", [1, 4])
def test_no_subject_is_on_both_sides(tmp_path, test_folds):
    rows = study(a=9, b=6, c=4)
    # one subject seen by two scanners
    rows.append({"scan": "b-a0", "subject": "a0", "scanner": "b"})
    splits, _ = run_split(
        tmp_path,
        rows,
        designs=("lodo", "pooled", "single"),
        test_folds=test_folds,
        validation_fraction=0.2,
    )
    for name in {row["split"] for row in splits}:
        sides = {}
        for row in splits:
            if row["split"] == name:
                sides.setdefault(row["subject"], set()).add(row["role"])
        assert all(len(roles) == 1 for roles in sides.values())
        assert {"train", "validation", "test"} == set.union(*sides.values())


def test_designs_of_a_fold_test_the_same_scans(tmp_path):
    splits, _ = run_split(
        tmp_path, study(a=8, b=8), designs=("lodo", "pooled", "single")
    )
    tests = {}
    for row in splits:
        if row["role"] == "test":
            tests.setdefault(row["split"], set()).add(row["scan"])
    assert len(tests) == 5
    assert len({frozenset(scans) for scans in tests.values()}) == 1


def test_the_held_out_domain_never_trains(tmp_path):
    splits, _ = run_split(tmp_path, study(a=8, b=8, c=8))
    assert not [
        row
        for row in splits
        if row["split"] == "lodo-b" and row["domain"] == "b" and row["role"] != "test"
    ]


def test_full_cross_validation_tests_each_scan_once(tmp_path):
    splits, _ = run_split(
        tmp_path, study(a=9, b=5), designs=("pooled",), folds=3, test_folds=3
    )
    tested = [row["scan"] for row in splits if row["role"] == "test"]
    assert sorted(tested) == sorted({row["scan"] for row in splits})


def test_the_order_of_rows_does_not_matter():
    few = [DomainScan(str(n), str(n), "x") for n in range(8)]
    before = divide_subjects(few, 4, 0)
    assert divide_subjects(list(reversed(few)), 4, 0) == before


def test_single_subject_and_unknown_domains_are_listed(tmp_path):
    rows = study(a=4, b=4, c=1)
    rows.append({"scan": "lost", "subject": "lost", "scanner": ""})
    before = [ExcludedRow("2 files", None, "not DICOM")]
    splits, excluded = run_split(tmp_path, rows, before)
    assert excluded[0] == {"where": "2 files", "scan": "", "reason": "not DICOM"}
    assert [row["scan"] for row in excluded[1:]] == ["c-0", "lost"]
    assert not {"c-0", "lost"} & {row["scan"] for row in splits}
    assert "combine domains" in excluded[1]["reason"]


def test_domains_of_one_subject_are_found_however_many_scans_it_has():
    scans = [DomainScan(str(n), "1", "x") for n in range(3)]
    scans += [DomainScan("3", "1", "y"), DomainScan("4", "2", "y")]
    assert find_single_subject_domains(scans) == {"x"}


def test_any_column_may_be_the_domain(tmp_path):
    rows = [row | {"session": "s"} for row in study(a=4, b=4)]
    splits, _ = run_split(tmp_path, rows, domain=("session", "scanner"))
    assert {row["domain"] for row in splits} == {"s a", "s b"}


def test_one_domain_is_refused_where_one_is_left_out(tmp_path):
    with pytest.raises(StageError, match="choose another column"):
        run_split(tmp_path, study(a=6))
    splits, _ = run_split(tmp_path, study(a=6), designs=("pooled",))
    assert splits


def test_an_unknown_column_names_the_known_ones(tmp_path):
    with pytest.raises(StageError, match=r"no column 'site'; it has scan, subject"):
        run_split(tmp_path, study(a=6), domain=("site",))


def test_domains_that_would_share_a_file_name_are_kept_apart():
    names = {"GE+1", "GE 1", "ge/1", "北京", "上海", "Київ", "x" * 300, "x" * 301}
    splits = plan_splits(names, SplitConfig(designs=("lodo", "single")))
    files = {split.name.lower() for split in splits}
    assert len(files) == 2 * len(names)
    assert max(map(len, files)) < 120
    assert all(name.isascii() for name in files)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siemens Prisma", "SIEMENS Prisma"),
        ("Siemens Prisma", "Siemens  Prisma"),
        ("Siemens Prisma", "Siemens\u00a0Prisma"),
        ("Siemens Prisma", "siemens_prisma"),
        ("Siemens Prisma", "Siemens-Prisma"),
        ("Z\u00fcrich", "Zu\u0308rich"),
        ("Z\u00fcrich", "Z\u00dcRICH\u200b"),
        ("Site 1", "\u202eSite 1"),
        ("\u0130zmir", "I\u0307zmir"),
        ("Groß", "GROSS"),
        ("Site 1", "Site \uff11"),
    ],
)
def test_domains_that_mean_the_same_are_one(tmp_path, one, other, caplog):
    rows = study(**{one: 4, other: 3, "else": 4})
    splits, excluded = run_split(tmp_path, rows)
    assert {row["domain"] for row in splits} == {one, "else"}
    assert excluded == []
    as_written = " ".join(other.split())  # blanks in scans.tsv are single ones
    assert (f"{one!r} is spelt in " in caplog.text) is (as_written != one)


def test_domains_that_mean_something_else_stay_apart(tmp_path):
    names = ["Site 1", "Site 11", "Site 1.1", "Zürich", "Zurich", "-1", "1"]
    splits, _ = run_split(tmp_path, study(**dict.fromkeys(names, 4)))
    assert {row["domain"] for row in splits} == set(names)


@pytest.mark.parametrize("word", ["nan", "n/a", "NA", "None", "-", "null", "#N/A"])
def test_words_for_absent_are_no_domain(tmp_path, word):
    splits, excluded = run_split(tmp_path, study(**{"a": 4, "b": 4, word: 3}))
    assert {row["domain"] for row in splits} == {"a", "b"}
    assert len(excluded) == 3
    assert all("its domain is unknown" in row["reason"] for row in excluded)


def test_what_is_impossible_is_said_with_counts_and_reasons(tmp_path):
    before = [ExcludedRow("line 2", f"sub-{n}", "too few slices") for n in range(7)]
    before += [ExcludedRow("9 files", None, "not DICOM")]
    rows = [*study(a=4, b=1), {"scan": "u", "subject": "u", "scanner": "n/a"}]
    with pytest.raises(StageError) as caught:
        run_split(tmp_path, rows, before)
    assert str(caught.value) == (
        "split.domain 'scanner': only 'a' has at least two subjects; the designs of "
        "this study need 2 such domains; choose another column; subjects: 'a' 4 in 4 "
        "scans, 'b' 1 in 1 scan; 1 scan of unknown domain; left out: too few slices "
        "(7x); the only subject of domain 'b', which then has no training and test "
        "subjects: add subjects or combine domains (1x); its domain is unknown: fill "
        "in the domain column (1x); excluded-failed.tsv, where excluded.tsv would be, "
        "has them all"
    )
    assert len(read_table(tmp_path / "excluded-failed.tsv")) == 10
    run_split(tmp_path, study(a=4, b=4))
    assert not (tmp_path / "excluded-failed.tsv").exists()


def test_one_number_for_everybody_is_told(tmp_path):
    rows = [row | {"subject": "ANONYMOUS"} for row in study(a=3, b=2)]
    with pytest.raises(StageError, match="one patient number stands for several"):
        run_split(tmp_path, rows)


def test_one_number_for_everybody_at_a_site_is_told(tmp_path):
    rows = [*study(a=4, b=4), *(r | {"subject": "ANON"} for r in study(c=3))]
    _, excluded = run_split(tmp_path, rows)
    assert len(excluded) == 3
    assert "if its 3 scans are of several patients" in excluded[0]["reason"]


def test_subjects_of_several_domains_are_told(tmp_path, caplog):
    rows = study(a=4, b=4)
    rows[4]["subject"] = rows[0]["subject"]
    run_split(tmp_path, rows)
    assert "1 subjects have scans of several domains" in caplog.text


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"folds": 4}, True),
        ({"folds": 4, "designs": ("lodo",)}, True),
        ({"test_folds": 2}, False),
        ({"folds": 2}, False),
    ],
)
def test_one_test_subject_is_refused_before_any_training(tmp_path, settings, refused):
    if not refused:
        run_split(tmp_path, study(a=12, b=4), **settings)
        return
    with pytest.raises(StageError, match="domain 'b' has one test subject") as caught:
        run_split(tmp_path, study(a=12, b=4), **settings)
    assert "subjects: 'a' 12 in 12 scans, 'b' 4 in 4 scans" in str(caught.value)
    assert not (tmp_path / "splits.tsv").exists()


def test_what_to_do_about_one_test_subject_is_said(tmp_path):
    with pytest.raises(StageError) as caught:
        run_split(tmp_path, study(a=12, b=4, c=3), folds=3)
    (line,) = str(caught.value).splitlines()
    assert "domain 'a'" not in line
    assert "domain 'c' has one test subject (of 3)" in line
    assert "needs 2 for a ranking: raise split.test_folds (now 1 of 3 folds)" in line
    assert "another split.domain" in line


def test_many_domains_with_one_test_subject_are_cut(tmp_path):
    with pytest.raises(StageError) as caught:
        run_split(tmp_path, study(**{f"d{n:02}": 2 for n in range(12)}))
    line = str(caught.value)
    assert line.count("has one test subject (of 2)") == 8
    assert " and 4 more; each domain needs 2" in line


def test_a_study_that_is_not_ranked_anyway_may_have_one_test_subject(tmp_path, caplog):
    splits, _ = run_split(tmp_path, study(a=12, b=4), designs=("pooled",), folds=4)
    assert splits
    assert "domain 'b' has one test subject (of 4)" in caplog.text
    assert "will not be ranked" not in caplog.text


@pytest.mark.parametrize(("domains", "told"), [("ab", True), ("abc", False)])
def test_that_two_domains_will_not_be_ranked_is_told(tmp_path, domains, told, caplog):
    run_split(tmp_path, study(**dict.fromkeys(domains, 4)))
    said = "will not be ranked: it has 2 domains, a ranking needs 3"
    assert (said in caplog.text) is told


def test_a_small_domain_whose_subjects_are_elsewhere_too_is_tested(tmp_path):
    rows = study(a=12)
    rows += [{"scan": f"b-a{n}", "subject": f"a{n}", "scanner": "b"} for n in range(3)]
    splits, _ = run_split(tmp_path, rows)
    tested = {row["domain"] for row in splits if row["role"] == "test"}
    assert tested == {"a", "b"}


def test_more_folds_than_subjects_are_refused_before_any_training(tmp_path):
    with pytest.raises(
        StageError,
        match=r"no test subject in fold 3.*split.folds.*subjects: 'a' 3 in 3 scans",
    ):
        run_split(tmp_path, study(a=3, b=3), folds=4, test_folds=4)


def test_validation_without_subjects_to_spare_is_refused(tmp_path):
    with pytest.raises(StageError, match="subjects to spare for validation"):
        run_split(tmp_path, study(a=2, b=2), folds=2, validation_fraction=0.2)


MATCHED = ("pooled", "lodo", "size_matched")


def by_role(splits, name, role):
    return {
        row["scan"] for row in splits if (row["split"], row["role"]) == (name, role)
    }


@pytest.mark.parametrize("validation", [0.0, 0.2])
def test_size_matched_networks_have_as_many_scans_as_those_that_leave_out(
    tmp_path, validation
):
    settings = {"designs": MATCHED, "test_folds": 4, "validation_fraction": validation}
    splits, _ = run_split(tmp_path, study(a=9, b=6, c=5), **settings)
    for domain in "abc":
        for fold in range(4):
            lodo, own = (
                f"{design}-{domain}_fold-{fold}" for design in ("lodo", "size_matched")
            )
            trained = by_role(splits, own, "train")
            assert len(trained) == len(by_role(splits, lodo, "train"))
            pooled = by_role(splits, f"pooled_fold-{fold}", "train")
            assert trained < pooled
            for each in "abc":  # the share of each domain is kept
                mine, whole = (
                    sum(scan[0] == each for scan in chosen) / len(chosen)
                    for chosen in (trained, pooled)
                )
                assert mine == pytest.approx(whole, abs=0.12)
            tested = by_role(splits, own, "test")
            everyone = by_role(splits, lodo, "test")
            assert tested == {scan for scan in everyone if scan[0] == domain}


def test_no_test_subject_enters_a_size_matched_network(tmp_path):
    rows = study(a=9, b=6, c=5)
    rows += [{"scan": f"b-a{n}", "subject": f"a{n}", "scanner": "b"} for n in range(9)]
    splits, _ = run_split(tmp_path, rows, designs=MATCHED, test_folds=4)
    for fold in range(4):
        of_fold = [row for row in splits if row["fold"] == str(fold)]
        tested = {r["subject"] for r in of_fold if r["role"] == "test"}
        learned = {
            r["subject"]
            for r in of_fold
            if r["role"] != "test" and r["design"] == "size_matched"
        }
        assert learned
        assert not learned & tested


def test_a_further_test_scan_changes_no_size_matched_network(tmp_path):
    rows = study(a=9, b=6, c=5)
    settings = {"designs": MATCHED}
    before, _ = run_split(tmp_path, rows, **settings)
    subject = next(r["subject"] for r in before if r["role"] == "test")
    more = {"scan": "again", "subject": subject, "scanner": subject[0]}
    after, _ = run_split(tmp_path, [*rows, more], **settings)
    assert "again" in {row["scan"] for row in after}
    learned = [
        [row for row in splits if row["role"] != "test"] for splits in (before, after)
    ]
    assert learned[0] == learned[1]


def test_size_matched_alone_is_refused():
    with pytest.raises(ValueError, match="size_matched needs lodo; add it"):
        SplitConfig(designs=("pooled", "size_matched"))


def test_scans_rated_bad_are_in_no_split_and_accounted_for(tmp_path):
    ratings = tmp_path / "ratings.tsv"
    ratings.write_text("scan\trating\tnote\na-0\tbad\tmotion\nb-1\tgood\t\n")
    rows = study(a=5, b=5, c=5)
    splits, excluded = run_split(tmp_path, rows, ratings=(ratings,))
    assert "a-0" not in {row["scan"] for row in splits}
    assert {row["scan"] for row in splits} == {row["scan"] for row in rows} - {"a-0"}
    (left_out,) = excluded
    assert (left_out["scan"], left_out["reason"]) == (
        "a-0",
        "rated bad on the quality page (split.ratings)",
    )


def test_a_rating_of_what_ingest_excluded_is_no_error(tmp_path):
    ratings = tmp_path / "ratings.tsv"
    ratings.write_text("scan\trating\nsub-9\tbad\n")
    before = [ExcludedRow("line 2", "sub-9", "too few slices")]
    _, excluded = run_split(tmp_path, study(a=4, b=4), before, ratings=(ratings,))
    assert [row["reason"] for row in excluded] == ["too few slices"]


@pytest.mark.parametrize("label", [True, False])
def test_a_study_of_bad_scans_ends_in_one_line(tmp_path, label):
    rows = [row | ({} if label else {"label": ""}) for row in study(a=2, b=2)]
    ratings = tmp_path / "ratings.tsv"
    bad = "".join(f"{row['scan']}\tbad\n" for row in rows)
    ratings.write_text(f"scan\trating\n{bad}")
    with pytest.raises(StageError, match=r"^[^\n]*rated bad[^\n]*$"):
        run_split(tmp_path, rows, ratings=(ratings,))


def test_without_label_maps_bad_scans_are_not_harmonized(tmp_path):
    ratings = tmp_path / "ratings.tsv"
    ratings.write_text("scan\trating\na-0\tbad\n")
    rows = [row | {"label": ""} for row in study(a=2, b=2)]
    splits, excluded = run_split(tmp_path, rows, ratings=(ratings,))
    assert {row["scan"] for row in splits} == {"a-1", "b-0", "b-1"}
    assert [row["scan"] for row in excluded] == ["a-0"]
