"""Tables that people write: by hand, in a spreadsheet, or with another program.

The rules, all of them:

* *Suffix*, in any case: ``.tsv`` and ``.tab`` are separated by tabs and know no
  quotation marks, as BIDS has it. All others may be separated by commas, semicolons or
  tabs: the header tells. Their cells may stand in quotation marks, and then hold
  separators, line breaks and doubled quotation marks (RFC 4180).
* *Text*: UTF-8, or UTF-16 with a byte-order mark, as spreadsheets write it. Lines end
  in any way. Blanks of any script and invisible marks around a cell are not part of it.
* *Header*: the first line that is not empty. A name that stands there twice is refused;
  columns of no name are not read.
* *Rows*: a row without any value is nothing. A row with more or fewer values than the
  header is no reason to refuse the others: it is returned with its problem. Empty
  values at its end do not count.
* *Absent* is a cell with one of the words in `ABSENT`, in any case.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.tables import Row

ABSENT = frozenset(
    {
        *("", "-", "--", "n/a", "na", "nan", "nat", "none", "null", "<na>"),
        *("#n/a", "#na", "#null!", "#value!", "#ref!", "#name?", "#num!", "#div/0!"),
    }
)
"""Words, in lower case, that say that there is no value."""

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_UNQUOTED = frozenset({".tsv", ".tab"})
# A line that tells a spreadsheet the separator; it is no part of the table.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(\r\n|\r|\n)', re.IGNORECASE)
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls
# Blanks, and what is not seen: copies of paths and names bring such characters along.
_AROUND = "".join(
    [
        "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\xad\u1680\u180e",
        "".join(map(chr, range(0x2000, 0x2010))),
        "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060",
        "\u2066\u2067\u2068\u2069\u3000\ufeff",
    ]
)


@dataclass(frozen=True)
class TableRow:
    """One row of a table.

    Args:
        line: where it begins, counted from 1 as editors do.
        cells: its values by column; all empty if it has a problem.
        problem: why it cannot be read, and what to do; empty if it can.
    """

    line: int
    cells: Row
    problem: str = ""


@dataclass(frozen=True)
class _Record:
    """Values of one row, before columns have names."""

    line: int
    values: Sequence[str]
    broken: bool = False


def read_user_table(
    path: Path,
    required: Sequence[str] = (),
    *,
    called: str = "",
    optional: Sequence[str] = (),
) -> list[TableRow]:
    """Read the rows of a table by the rules of this module.

    Args:
        path: the table.
        required: columns that must be there.
        called: what messages call it instead of its name, which may name a patient.
        optional: those of `required` that may be absent, but not misspelt.

    Raises:
        StageError: the table is missing or no text, lacks a required column, has two
            columns of one name, or a quotation mark that is not closed.
    """
    name = called or path.name
    text = _decode(_read_bytes(path, name), name)
    separator, text, skipped = _find_separator(path, text, required)
    records = _records(text, separator, quoted=_is_quoted(path), name=name)
    header = next(records, _Record(1, ()))
    columns = [_clean_name(value) for value in header.values]
    absent = {column for column in optional if not _is_nearly_there(column, columns)}
    required = [column for column in required if column not in absent]
    _check_columns(columns, required, name, separator)
    return [_row(record, columns, separator, skipped) for record in records]


def is_absent(text: str) -> bool:
    """Whether a cell says that there is no value.

    Examples:
        >>> is_absent("n/a"), is_absent("NaN"), is_absent(""), is_absent("Nantes")
        (True, True, True, False)
    """
    return text.strip(_AROUND).lower() in ABSENT


def present(text: str) -> str:
    """The text of a cell; empty if it says that there is no value."""
    return "" if is_absent(text) else text


def _read_bytes(path: Path, name: str) -> bytes:
    """The bytes of a table.

    Raises:
        StageError: there are none.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise StageError(f"{name}: the table does not exist") from None
    except OSError as error:
        raise StageError(
            f"{name}: cannot be read ({type(error).__name__}); "
            "give a table, and check its permissions"
        ) from None


def _decode(content: bytes, name: str) -> str:
    """The text of a table.

    Raises:
        StageError: it is in another encoding, or no text.
    """
    if content.startswith(_WORKBOOKS):
        raise StageError(f"{name}: is a workbook, not text; save it as CSV UTF-8")
    encoding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise StageError(
            f"{name}: not UTF-8 text; save it as UTF-8 (spreadsheets: CSV UTF-8)"
        ) from None
    if "\0" in text:
        raise StageError(f"{name}: has NUL characters; save it as plain text")
    return text


def _is_quoted(path: Path) -> bool:
    """Whether cells may stand in quotation marks."""
    return path.suffix.lower() not in _UNQUOTED


def _find_separator(
    path: Path, text: str, required: Sequence[str]
) -> tuple[str, str, int]:
    """The separator, the text of the table, and how many lines come before it.

    The separator is the one by which the header has most of the required columns, and
    most columns at all.
    """
    if not _is_quoted(path):
        return "\t", text, 0
    if line := _SEPARATOR_LINE.match(text):
        return line[1], text[line.end() :], 1
    names = {one: _header_names(text, one) for one in _SEPARATORS}
    return max(names, key=lambda one: _fit(names[one], required)), text, 0


def _header_names(text: str, separator: str) -> list[str]:
    """What the columns are called if this separates them."""
    try:
        header = next(_records(text, separator, quoted=True, name=""), _Record(1, ()))
    except StageError:  # said where the table is read
        return []
    return [_clean_name(value) for value in header.values]


def _fit(names: Sequence[str], required: Sequence[str]) -> tuple[int, int]:
    """How well names of columns fit: required ones first, then all."""
    return len(set(names) & set(required)), len(names)


def _records(
    text: str, separator: str, *, quoted: bool, name: str
) -> Iterator[_Record]:
    """The rows that have a value.

    Raises:
        StageError: a quotation mark is not closed.
    """
    # The standard library reads RFC 4180; pandas does too, but to import it takes as
    # long as to plan a study. A stream that keeps line ends counts lines as editors do.
    stream = io.StringIO(text, newline="")
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # of a cell
    reader = csv.reader(
        stream,
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
        skipinitialspace=True,
        strict=True,
    )
    while True:
        line = reader.line_num + 1
        try:
            values = [value.strip(_AROUND) for value in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            # Over several lines it is not known where the row should have ended.
            if reader.line_num > line or "end of data" in str(error):
                raise StageError(
                    f"{name}, line {line}: a quotation mark is not closed; close it, "
                    "or write two for one inside of a cell"
                ) from None
            yield _Record(line, (), broken=True)
            continue
        if any(values):
            yield _Record(line, values)


def _clean_name(text: str) -> str:
    """The name of a column, its letters composed and single blanks between words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _check_columns(
    columns: Sequence[str], required: Sequence[str], name: str, separator: str
) -> None:
    """Refuse a header without a required column, or with a name twice.

    Raises:
        StageError: it is refused.
    """
    if missing := [column for column in required if column not in columns]:
        if problem := _no_header(columns, separator):
            raise StageError(f"{name}: {problem}")
        # The first line is not repeated: without a header it is about a patient.
        raise StageError(
            f"{name}: column {missing[0]!r} is missing; the first line must name the "
            f"columns, separated by {_words(separator)} (this line has {len(columns)} "
            f"column{'s' if len(columns) != 1 else ''}{_hint(columns, missing[0])})"
        )
    counts = Counter(filter(None, columns))
    if twice := [column for column, count in counts.items() if count > 1]:
        which = repr(twice[0]) if required else "of one name"
        raise StageError(
            f"{name}: there are {counts[twice[0]]} columns {which}; which one is meant "
            "cannot be known: rename or delete the others"
        )


def _is_nearly_there(wanted: str, columns: Sequence[str]) -> bool:
    """Whether a column is there, in any case, in quotation marks or as a plural."""
    meanings = {column.strip("\"'").lower().removesuffix("s") for column in columns}
    return wanted in meanings


def _no_header(columns: Sequence[str], separator: str) -> str:
    """Why a line is no header, where a common habit explains it; else nothing."""
    if columns and columns[0].lstrip("\"'").startswith("#"):
        return (
            "the first line begins with #, but a table has no comments; delete that "
            "line, or only the # if the line names the columns"
        )
    if len(columns) == 1 and "|" in columns[0] and separator != "|":
        remedy = (
            "separate them by tabs"
            if separator == "\t"
            else "separate them by commas, or write sep=| as the first line"
        )
        return f"the columns are separated by vertical bars (|); {remedy}"
    return ""


def _hint(columns: Sequence[str], missing: str) -> str:
    """What the header has in place of a column, if it is nearly that."""
    for column in columns:
        if column.strip("\"'").lower() == missing.lower():
            quoted = column.strip("\"'") != column
            return ", it is in quotation marks" if quoted else f", and {column!r}"
    return ""


def _words(separator: str) -> str:
    """The plural of a separator."""
    return _SEPARATORS.get(separator, "the character of its first line")


def _row(
    record: _Record, columns: Sequence[str], separator: str, skipped: int
) -> TableRow:
    """The row that values make under the names of the columns."""
    line, values = record.line + skipped, list(record.values)
    empty = dict.fromkeys(filter(None, columns), "")
    if record.broken:
        problem = "a quotation mark inside of a cell; write two for one"
        return TableRow(line, empty, problem)
    while len(values) > len(columns) and not values[-1]:
        values.pop()
    if len(values) != len(columns):
        problem = (
            f"expected {len(columns)} values separated by {_words(separator)}, there "
            f"are {len(values)}; correct the line"
        )
        return TableRow(line, empty, problem)
    cells = zip(columns, values, strict=True)
    return TableRow(line, {name: value for name, value in cells if name})
