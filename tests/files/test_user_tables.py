"""Tables as people write them: dialects, encodings, empty and broken rows."""

import re

import pytest

from medinorm.errors import StageError
from medinorm.files.user_tables import is_absent, present, read_user_table

GOOD = [{"subject": "1", "site": "Genève"}, {"subject": "2", "site": "Köln"}]


def read(tmp_path, content, name="my.csv", required=("subject",)):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_user_table(path, required, called="input.scans")


def cells(rows):
    return [row.cells for row in rows]


def text(separator="\t", end="\n"):
    lines = [separator.join(row) for row in (GOOD[0], *map(dict.values, GOOD))]
    return end.join(lines) + end


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.txt", "a", "a.Csv", "a.dat"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_header_tells_the_separator(tmp_path, name, separator):
    assert cells(read(tmp_path, text(separator), name)) == GOOD


@pytest.mark.parametrize("name", ["a.tsv", "A.TSV", "a.tab"])
def test_a_tsv_is_separated_by_tabs_only(tmp_path, name):
    assert cells(read(tmp_path, text(), name)) == GOOD
    with pytest.raises(StageError, match=r"separated by tabs \(this line has 1 column"):
        read(tmp_path, text(";"), name)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_lines_end_in_any_way(tmp_path, end, name):
    rows = read(tmp_path, text(end=end), name)
    assert cells(rows) == GOOD
    if end != "\r\r\n":
        assert [row.line for row in rows] == [2, 3]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_text_with_and_without_a_byte_order_mark(tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith("e") else ""
    assert cells(read(tmp_path, (mark + text()).encode(encoding), "a.txt")) == GOOD


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (text(";").encode("latin-1"), "save it as UTF-8"),
        ("subject\n1\n".encode("utf-16-le"), "save it as plain text"),
        (b"PK\x03\x04rest", "is a workbook, not text; save it as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0rest", "is a workbook"),
        (b"\xff\xfea", "not UTF-8 text"),
    ],
)
def test_other_encodings_are_refused(tmp_path, content, problem):
    with pytest.raises(StageError, match=f"^input.scans: .*{problem}"):
        read(tmp_path, content)


def test_the_line_by_which_spreadsheets_tell_the_separator(tmp_path):
    (row, _) = read(tmp_path, "sep=|\r\nsubject|site\r\n1|a,b;c\r\n2|d\r\n")
    assert (row.line, row.cells) == (3, {"subject": "1", "site": "a,b;c"})


@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        ("subject|site\n1|a\n", "a.csv", "write sep=| as the first line"),
        ("subject|site\n1|a\n", "a.txt", "separated by vertical bars (|); separate"),
        ("| subject | site |\n| 1 | a |\n", "a.csv", "vertical bars"),
        ("subject|site\n1|a\n", "a.tsv", "(|); separate them by tabs"),
        ("# Doe, export\nsubject,site\n1,a\n", "a.csv", "delete that line, or only"),
        ("#subject,site\n1,a\n", "a.csv", "delete that line, or only the #"),
        ("# Doe\nsubject\tsite\n1\ta\n", "a.tsv", "a table has no comments"),
        ('"#subject";site\n1;a\n', "a.csv", "a table has no comments"),
    ],
)
def test_what_is_no_header_by_habit_is_told(tmp_path, content, name, problem):
    with pytest.raises(StageError, match=f"^input.scans: .*{re.escape(problem)}") as e:
        read(tmp_path, content, name)
    assert "Doe" not in str(e.value)


def test_a_column_may_begin_with_a_number_sign(tmp_path):
    (row,) = read(tmp_path, "#,subject\n5,1\n")
    assert row.cells == {"#": "5", "subject": "1"}


def test_a_header_with_other_separators_in_its_names(tmp_path):
    (row,) = read(tmp_path, 'subject;"age, years, months, days";site\n1;2;3\n')
    assert row.cells == {"subject": "1", "age, years, months, days": "2", "site": "3"}


def test_quoted_cells_hold_lines_and_quotation_marks(tmp_path):
    content = 'subject,site\n1,"a\r\n""b"", c"\n2, "d"\n'
    first, second = read(tmp_path, content)
    assert first.cells["site"] == 'a\r\n"b", c'
    assert (second.line, second.cells["site"]) == (4, "d")


def test_a_tsv_knows_no_quotation_marks(tmp_path):
    rows = read(tmp_path, 'subject\tsite\n1\t5" coil\n2\t"half\n', "a.tsv")
    assert [row["site"] for row in cells(rows)] == ['5" coil', '"half']
    with pytest.raises(StageError, match="it is in quotation marks"):
        read(tmp_path, '"subject"\t"site"\n"1"\t"a"\n', "a.tsv")


@pytest.mark.parametrize("last", ['2,"b\n', '2,"b\n3,"c"x\n4,d\n'])
def test_an_open_quotation_mark_is_refused_with_its_line(tmp_path, last):
    with pytest.raises(StageError, match="line 3: a quotation mark is not closed"):
        read(tmp_path, f"subject,site\n1,a\n{last}")


def test_broken_rows_do_not_lose_the_others(tmp_path):
    content = 'subject,site\n1\n2,"b"x\n3,c,d\n4,e,,\n\n,,\n \t,\xa0\n5,f\n'
    rows = read(tmp_path, content)
    assert [(row.line, bool(row.problem)) for row in rows] == [
        (2, True),
        (3, True),
        (4, True),
        (5, False),
        (9, False),
    ]
    expected = "expected 2 values separated by commas, there are 3; correct the line"
    assert rows[2].problem == expected
    assert all(set(row.cells) == {"subject", "site"} for row in rows)


def test_empty_lines_before_the_header_are_nothing(tmp_path):
    (row,) = read(tmp_path, "\n;;\nsubject;site;\n1;a;\n;;\n")
    assert (row.line, row.cells) == (4, {"subject": "1", "site": "a"})


@pytest.mark.parametrize("header", ["site,site", "site, site ", "site,\xa0site", "a,a"])
def test_two_columns_of_one_name_are_refused(tmp_path, header):
    name = header.split(",", maxsplit=1)[0]
    with pytest.raises(StageError, match=f"2 columns '{name}'; which one is meant"):
        read(tmp_path, f"subject,{header}\n1,a,b\n")


def test_composed_and_decomposed_columns_are_one(tmp_path):
    with pytest.raises(StageError, match="2 columns"):
        read(tmp_path, "subject,fi\u0301n,f\u00edn\n1,a,b\n")


def test_without_a_header_no_cell_is_shown(tmp_path):
    with pytest.raises(StageError, match="column 'subject' is missing") as caught:
        read(tmp_path, "Doe,Doe\n1,2\n")
    assert "Doe" not in str(caught.value)


def test_a_column_of_other_capitals_is_named(tmp_path):
    with pytest.raises(StageError, match="this line has 2 columns, and 'Subject'"):
        read(tmp_path, "Subject,site\n1,a\n")


def test_columns_of_no_name_are_not_read(tmp_path):
    rows = read(tmp_path, ",subject,,\n0,1,x,\n1,2,,\n")
    assert cells(rows) == [{"subject": "1"}, {"subject": "2"}]


def test_blanks_and_invisible_marks_around_cells_are_no_part(tmp_path):
    content = "\u200bsubject\xa0,age\xa0 group\n\u202a1\u200e,\u3000a\xa0b\u2009\n"
    assert cells(read(tmp_path, content)) == [{"subject": "1", "age group": "a\xa0b"}]


@pytest.mark.parametrize(
    "word", ["", " ", "\xa0", "nan", "NaN", "n/a", "NA", "#N/A", "null", "None", "-"]
)
def test_words_for_absent(word):
    assert is_absent(word)
    assert present(word) == ""


@pytest.mark.parametrize("word", ["Nantes", "0", "no", "nana", "-1", "none such", "."])
def test_words_that_are_values(word):
    assert present(word) == word


def test_cells_may_be_long(tmp_path):
    (row,) = read(tmp_path, f"subject,site\n1,{'x' * 200_000}\n")
    assert len(row.cells["site"]) == 200_000


@pytest.mark.parametrize("content", ["", "\n", "subject,site\n"])
def test_tables_without_rows(tmp_path, content):
    if "subject" in content:
        assert read(tmp_path, content) == []
    else:
        with pytest.raises(StageError, match=r"\(this line has 0 columns\)"):
            read(tmp_path, content)


def test_missing_table_and_folder(tmp_path):
    with pytest.raises(StageError, match=r"^x\.csv: the table does not exist"):
        read_user_table(tmp_path / "x.csv")
    with pytest.raises(StageError, match="cannot be read"):
        read_user_table(tmp_path, called="input.scans")
