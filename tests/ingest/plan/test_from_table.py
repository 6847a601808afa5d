import pytest

from medinorm.errors import StageError
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.plan.from_table import find_table_scans

KEEP = Pseudonyms(bytes(32), keep=True)


def rows(*names, **changes):
    return [
        {"subject": n, "image": f"{n}.nii", "label": f"{n}_l.nii", "site": "x"}
        | changes
        for n in names
    ]


def find(fake, tmp_path, content, channels=("image",), names=KEEP):
    return find_table_scans(fake.table(tmp_path / "my.tsv", content), channels, names)


def reasons(inventory):
    return {
        row.where: row.reason for row in inventory.candidates if row.kind == "excluded"
    }


def test_own_columns_are_facts(fake, tmp_path):
    content = [row | {"Age group": "60-70"} for row in rows("a")]
    (candidate,) = find(fake, tmp_path, content).candidates
    assert candidate.source.columns == {"site": "x", "Age group": "60-70"}
    assert candidate.source.channels == {"image": tmp_path / "a.nii"}
    assert (candidate.scan, candidate.where) == ("sub-a_image", "input.scans, line 2")


def test_pseudonyms_hide_the_originals(fake, tmp_path):
    found = find(fake, tmp_path, rows("miller"), names=Pseudonyms(bytes(32)))
    (candidate,) = found.candidates
    assert "miller" not in candidate.scan + candidate.subject + candidate.where
    assert candidate.source.label.name == "miller_l.nii"


def test_blank_lines_do_not_shift_line_numbers(tmp_path):
    table = tmp_path / "my.tsv"
    table.write_text("subject\timage\tlabel\n\na\ti.nii\tl.nii\n")
    (candidate,) = find_table_scans(table, ["image"], KEEP).candidates
    assert candidate.where == "input.scans, line 3"


def test_same_subject_and_session_twice(fake, tmp_path):
    content = rows("a", "b", "a", "c")
    content[2]["image"] = "other.nii"
    found = find(fake, tmp_path, content)
    why = (
        "duplicate: the same subject and session in lines 2, 4; keep one; tell two "
        "visits apart by a column session, and two people by their subject, such as "
        "with the site before it"
    )
    assert reasons(found) == {"input.scans, line 2": why, "input.scans, line 4": why}


def test_sessions_tell_scans_apart(fake, tmp_path):
    content = [
        row | {"session": name, "image": f"{name}.nii"}
        for row, name in zip(rows("a", "a"), "12", strict=True)
    ]
    assert [c.scan for c in find(fake, tmp_path, content).candidates] == [
        "sub-a_ses-1_image",
        "sub-a_ses-2_image",
    ]


def test_same_image_under_two_names(fake, tmp_path):
    (tmp_path / "a.nii").write_bytes(b"x")
    (tmp_path / "b.nii").symlink_to(tmp_path / "a.nii")
    found = find(fake, tmp_path, rows("a", "b", "c"))
    why = "duplicate: the same image file in lines 2, 3; keep one"
    assert reasons(found) == {"input.scans, line 2": why, "input.scans, line 3": why}


def test_same_label_map_for_two_subjects(fake, tmp_path):
    found = find(fake, tmp_path, rows("a", "b", label="l.nii"))
    why = "duplicate: the same label map in lines 2, 3; keep one"
    assert reasons(found) == {"input.scans, line 2": why, "input.scans, line 3": why}


def test_same_label_map_for_two_sessions(fake, tmp_path):
    content = [
        row | {"session": name, "image": f"{name}.nii"}
        for row, name in zip(rows("a", "a"), "12", strict=True)
    ]
    assert reasons(find(fake, tmp_path, content)) == {}


def test_same_image_as_two_channels(fake, tmp_path):
    content = [{"subject": "a", "t1": "i.nii", "t2": "i.nii", "label": "l.nii"}]
    found = find(fake, tmp_path, content, channels=("t1", "t2"))
    assert "the same image file" in reasons(found)["input.scans, line 2"]


@pytest.mark.parametrize(
    ("column", "reason"),
    [("subject", "the subject is empty"), ("image", "no image"), ("label", "no label")],
)
def test_empty_cells(fake, tmp_path, column, reason):
    content = rows("a", "b")
    content[1][column] = ""
    found = find(fake, tmp_path, content)
    assert reason in reasons(found)["input.scans, line 3"]
    assert len(reasons(found)) == 1


def test_one_of_several_channels_is_empty(fake, tmp_path):
    content = [{"subject": "a", "t1": "i.nii", "t2": "", "label": "l.nii"}]
    found = find(fake, tmp_path, content, channels=("t1", "t2"))
    assert reasons(found) == {
        "input.scans, line 2": "no image is named for t2; fill in its path"
    }


def test_every_file_has_one_state(fake, tmp_path):
    for name in ("a.nii", "a_l.nii", "b.nii", "b_l.nii"):
        (tmp_path / name).write_bytes(b"x")
    content = [*rows("a", "b", "c"), *rows("b", label="c_l.nii")]
    files = find(fake, tmp_path, content).files
    states = {file.path.name: file.state for file in files}
    assert len(files) == len(states)
    assert states == {
        "a.nii": "used",
        "a_l.nii": "used",
        "b.nii": "excluded",
        "b_l.nii": "excluded",
        "c.nii": "excluded",
        "c_l.nii": "excluded",
    }


def test_missing_files_are_told_from_used_ones(fake, tmp_path):
    (tmp_path / "a.nii").write_bytes(b"x")
    files = find(fake, tmp_path, rows("a")).files
    assert [file.state for file in files] == ["used", "unreadable"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "column 'subject' is missing"),
        ("subject\timage\tlabel\n", "has no rows"),
        ("subject\timage\na\tb\n", "column 'label' is missing"),
        ("subject\tlabel\na\tb\n", "column 'image' is missing"),
        ("subject\timage\tlabel\treason\na\tb\tc\td\n", "column 'reason'"),
        ("subject\timage\tlabel\tcontent\na\tb\tc\td\n", "column 'content'"),
    ],
)
def test_unusable_tables(tmp_path, text, problem):
    table = tmp_path / "my.tsv"
    table.write_text(text)
    with pytest.raises(StageError, match=problem):
        find_table_scans(table, ["image"], KEEP)


def test_missing_table(tmp_path):
    with pytest.raises(StageError, match=r"input\.scans: the table does not exist"):
        find_table_scans(tmp_path / "my.tsv", ["image"], KEEP)


@pytest.mark.parametrize("names", [("a.1", "a1"), ("A.1", "a1"), ("a+1", "a.1")])
def test_subjects_that_become_alike_are_left_out(fake, tmp_path, names):
    found = find(fake, tmp_path, rows(*names, "b"))
    why = "another subject has the same letters and digits; rename one of them"
    assert reasons(found) == {"input.scans, line 2": why, "input.scans, line 3": why}
    found = find(fake, tmp_path, rows(*names, "b"), names=Pseudonyms(bytes(32)))
    assert reasons(found) == {}


def test_sessions_that_become_alike_are_left_out(fake, tmp_path):
    content = [
        row | {"session": name, "image": f"{name}.nii"}
        for row, name in zip(rows("a", "a", "a"), ("1", "1+", "2"), strict=True)
    ]
    assert list(reasons(find(fake, tmp_path, content))) == [
        "input.scans, line 2",
        "input.scans, line 3",
    ]


@pytest.mark.parametrize("other", ["Mu\u0308ller", "MÜLLER", " M\u00fcller\xa0"])
def test_one_subject_in_two_spellings_is_one(fake, tmp_path, other, caplog):
    content = [
        row | {"session": session, "image": f"{session}.nii", "label": f"{session}l"}
        for row, session in zip(rows("Müller", other), "12", strict=True)
    ]
    found = find(fake, tmp_path, content, names=Pseudonyms(bytes(32)))
    assert len({row.subject for row in found.candidates}) == 1
    if other.strip() != "M\u00fcller":
        assert "spelt in several ways" in caplog.text


def test_subjects_of_other_scripts_and_long_ones(fake, tmp_path):
    long = "x" * 300
    content = rows("北京", "上海", long + "1", long + "2")
    for number, row in enumerate(content):
        row |= {"image": f"{number}.nii", "label": f"{number}_l.nii"}
    found = find(fake, tmp_path, content)
    assert len({row.subject for row in found.candidates}) == 4
    assert max(len(row.scan) for row in found.candidates) < 80


@pytest.mark.parametrize("word", ["nan", "N/A", "-", "None", "#N/A", "\xa0"])
@pytest.mark.parametrize(
    ("column", "reason"),
    [("subject", "the subject is empty"), ("image", "no image"), ("label", "no label")],
)
def test_words_for_absent_are_no_values(fake, tmp_path, word, column, reason):
    content = rows("a", "b", "c")
    content[1][column] = content[2][column] = word
    found = find(fake, tmp_path, content)
    said = reasons(found)
    assert list(said) == ["input.scans, line 3", "input.scans, line 4"]
    assert all(reason in why for why in said.values())


def test_absent_facts_are_empty(fake, tmp_path):
    (candidate,) = find(fake, tmp_path, rows("a", site="n/a")).candidates
    assert candidate.source.columns == {"site": ""}


def test_broken_lines_do_not_lose_the_others(fake, tmp_path):
    table = fake.table(tmp_path / "my.tsv", rows("a"))
    with table.open("a") as stream:
        stream.write("b\tb.nii\n" + "c\tc.nii\t" + "x" * 3000 + "\tx\n")
    found = find_table_scans(table, ["image"], KEEP)
    assert [row.scan for row in found.candidates[:1]] == ["sub-a_image"]
    said = reasons(found)
    assert said["input.scans, line 3"].startswith("expected 4 values")
    assert said["input.scans, line 4"].startswith("label: its path can be that of no")
