"""Whatever tables and data sets hold: no crash, and nothing without a state."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medinorm.config import IngestConfig, InputConfig, SplitConfig
from medinorm.errors import StageError
from medinorm.files.records import write_records
from medinorm.files.tables import write_table
from medinorm.ingest.collect.accounting import settle_files
from medinorm.ingest.index import index_input
from medinorm.ingest.plan.candidates import read_files, read_plan
from medinorm.ingest.plan.stage import plan_scans
from medinorm.jobs.shards import Failed
from medinorm.records.scans import ExcludedRow
from medinorm.records.status import ConvertStatus
from medinorm.split.stage import split_scans

BOUNDED = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

odd = st.sampled_from(
    [
        *("", " ", "\xa0", "nan", "N/A", "-", "None", "#N/A", "=1+1", "@x", "\u202ex"),
        *("a", "A", "a ", "01", "1", "Zu\u0308rich", "Zürich", "北京", "x" * 300, "~"),
        *("a.nii", "./a.nii", "x/../a.nii", "images\\a.nii", "~/a.nii", "/a.nii"),
        *("C:\\a.nii", "file:///a.nii", "http://x/a.nii", "..", "/dev/null", "//"),
        *('"', '"a"', "'a.nii'", "a\nb", "a\r\nb", "a,b", "a;b", "a\tb", "file://[x"),
    ]
)
cells = odd | st.text(max_size=6)
HEADER = ["subject", "session", "image", "label", "site"]
headers = st.sampled_from(
    [
        *([HEADER] * 4),
        [*HEADER[::-1]],
        ["\xa0subject", "label ", "image", "", "site"],
        ["", "subject", "image", "label", ""],
        [*HEADER[:4], "image"],
        ["Subject", *HEADER[1:]],
        [*HEADER[:4], "reason"],
        ["1", "a.nii", "b.nii"],
        [],
    ]
)
rows = st.lists(st.lists(cells, min_size=5, max_size=5), max_size=6)


def check_refusal(error, begin):
    """A refusal is one line that begins with the role of the file."""
    assert str(error).startswith(begin)
    assert len(str(error).splitlines()) == 1


def plan(folder, **source):
    """Plan an input; which places have a row, and the account of all files."""
    private, table = folder / "private", folder / "private" / "plan.tsv"
    study = InputConfig(**source)
    for keep in ("keep", "pseudonym"):
        ingest = IngestConfig(subjects=keep)
        index_input(private / "index", private=private, input=study)
        plan_scans(
            private / "index", table, private=private, input=study, ingest=ingest
        )
        planned, files = read_plan(table), read_files(private / "files.tsv")
        assert len({scan.scan for scan in planned.candidates}) == len(
            planned.candidates
        )
        assert all(len(scan.scan) < 200 for scan in planned.candidates)
        ends = [ConvertStatus.of(scan, Failed("x")) for scan in planned.candidates]
        assert len(settle_files(files, ends)) == len(files)
    return [row.where for row in (*planned.candidates, *planned.left_out)], files


@BOUNDED
@given(
    header=headers,
    rows=rows,
    dialect=st.sampled_from([(".csv", ","), (".CSV", ";"), (".txt", "\t"), ("", ";")]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_row_of_a_quoted_table_is_accounted_for(
    tmp_path_factory, header, rows, dialect, encoding, end
):
    folder = tmp_path_factory.mktemp("table")
    (folder / "a.nii").write_bytes(b"x")
    suffix, separator = dialect
    stream = io.StringIO(newline="")
    # All in quotation marks: the writer forgets them around a lone carriage return.
    writer = csv.writer(
        stream, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL
    )
    writer.writerows([header, *rows] if header else rows)
    table = folder / f"table{suffix}"
    text = stream.getvalue().replace("\0", "")
    table.write_bytes(text.encode(encoding, "replace"))
    try:
        places, files = plan(folder, scans=table)
    except StageError as error:
        check_refusal(error, "input.scans")
        assert_empty(rows if header == HEADER else [])
        return
    assert len(set(places)) == len(places)
    full = [row for row in rows if any(filled(cell) for cell in row)]
    named = [filled(name) for name in header]
    if all(named):
        assert len(places) == len(full)
    paths = [row.path for row in files]
    assert len(set(paths)) == len(paths)


def assert_empty(rows):
    """A table with a good header is refused only if nothing is in it."""
    assert not any(filled(cell) for row in rows for cell in row)


def filled(cell):
    """Whether a cell has a value: what is not seen is none."""
    marks = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\ufeff\xad\0\x1c\x1d\x1e\x1f\x85"
    return bool(cell.strip().strip(marks).strip())


@BOUNDED
@given(
    content=st.binary(max_size=80)
    | st.text(alphabet='subjectimagelabel,;\t\n\r"\0 \ufeff', max_size=80).map(
        str.encode
    )
    | st.text(alphabet=',;\t\n\r"ab\xa0', max_size=60).map(
        lambda text: f"subject,image,label\n{text}".encode()
    ),
    name=st.sampled_from(["a.tsv", "a.csv", "a.TXT", "a.tab"]),
)
def test_no_bytes_of_a_table_are_a_crash(tmp_path_factory, content, name):
    folder = tmp_path_factory.mktemp("bytes")
    (folder / name).write_bytes(content)
    try:
        plan(folder, scans=folder / name)
    except StageError as error:
        check_refusal(error, "input.scans")


labels = st.sampled_from(["1", "01", "2", "a", "A", "北", "x" * 60, "a.b", "a+b"])
entities = st.dictionaries(
    st.sampled_from(["ses", "run", "acq", "part", "desc", "label", "space", "echo"]),
    labels | st.sampled_from(["phase", "mag", "brain", "lesion", "preproc"]),
    max_size=3,
)
files = st.tuples(
    labels,
    entities,
    st.sampled_from(["T1w", "FLAIR", "dseg", "mask", "seg", "bold", ""]),
    st.sampled_from([".nii", ".nii.gz", ".NII.GZ", ".json", ".tsv", ".txt"]),
    st.sampled_from(["", "", "derivatives/m/", "derivatives/", "sourcedata/"]),
    st.booleans(),
)
people = st.lists(
    st.tuples(
        st.sampled_from(["sub-1", "1", "01", "SUB-a", "sub-b", "", "n/a", "1.0"]), cells
    ),
    max_size=5,
)


@BOUNDED
@given(
    files=st.lists(files, max_size=10),
    people=people,
    channels=st.sampled_from([["T1w"], ["image"], ["T1w", "FLAIR"]]),
    names=st.sampled_from(["", "index\tname\n1\tlesion\n", "index\tname\n2\tLesion\n"]),
)
def test_every_file_of_a_data_set_is_accounted_for(
    tmp_path_factory, files, people, channels, names
):
    folder = tmp_path_factory.mktemp("bids")
    data = folder / "data"
    data.mkdir()
    for subject, pairs, suffix, extension, parent, flat in files:
        session = [f"ses-{pairs['ses']}"] if "ses" in pairs else []
        inside = [] if flat else [f"sub-{subject}", *session, "anat"]
        named = {"sub": subject} | {"ses": pairs.get("ses", "")} | pairs
        parts = [f"{key}-{label}" for key, label in named.items() if label]
        path = data.joinpath(parent, *inside, "_".join([*parts, suffix]) + extension)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(names if extension == ".tsv" else "{}")
    lines = ["participant_id\tsite", *("\t".join(row) for row in people)]
    table = data / "participants.tsv"
    table.write_bytes("\n".join(lines).encode("utf-8", "replace"))
    try:
        _, states = plan(
            folder, bids=data, channels=channels, label_values={1: "lesion"}
        )
    except StageError as error:
        check_refusal(error, "participants.tsv")
        return
    there = [path for path in data.rglob("*") if path.is_file()]
    assert len(states) == len(there)


@BOUNDED
@given(
    domains=st.lists(cells, min_size=1, max_size=12),
    subjects=st.lists(st.sampled_from("abcdefghijkl"), min_size=12, max_size=12),
)
def test_every_scan_has_a_role_or_a_reason(tmp_path_factory, domains, subjects):
    folder = tmp_path_factory.mktemp("split")
    scans, before = folder / "scans.tsv", folder / "before.tsv"
    rows = [
        {"scan": f"s{n}", "subject": subjects[n], "session": "", "site": domain}
        for n, domain in enumerate(domains)
    ]
    try:
        write_table(scans, rows, tuple(rows[0]))
    except UnicodeEncodeError:  # half of a letter is no text
        return
    write_records(before, [], ExcludedRow)
    out = folder / "splits.tsv", folder / "excluded.tsv"
    chosen = SplitConfig(domain=("site",), designs=("pooled", "single"), folds=2)
    try:
        split_scans(scans, before, *out, settings=chosen)
    except StageError as error:
        check_refusal(error, "")
        return
    text = out[0].read_text() + out[1].read_text()
    assert all(f"\ts{n}\t" in text for n in range(len(domains)))


@pytest.mark.parametrize("cell", ["x" * 300, "北京", "=cmd|'/C calc'!A0", "a\nb"])
def test_odd_cells_name_files_that_can_be_made(tmp_path, cell):
    (tmp_path / "a.nii").write_bytes(b"x")
    table = tmp_path / "my.csv"
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([HEADER, [cell, cell, "a.nii", "b.nii", cell]])
    places, _ = plan(tmp_path, scans=table)
    assert places == ["input.scans, line 2"]
    (scan,) = read_plan(tmp_path / "private" / "plan.tsv").candidates
    (tmp_path / f".12345-{scan.scan}_label.nii.gz").write_bytes(b"")
