"""Our own tables as tab-separated text: rows are dictionaries of strings.

A spreadsheet that opens a table runs a cell that begins like a formula. Such a text has
an apostrophe before it, which `read_table` takes away again. Tables that people write
are read by `medinorm.files.user_tables`.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.atomic import replacing
from medinorm.files.checksums import checksum_path

Row = dict[str, str]

# What spreadsheets take for the begin of a formula, in both widths. Numbers are none.
_FORMULA = re.compile(
    "'*[=+@\\-\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}]."
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?|[+-](inf|nan)")
_INERT = "'"


def read_table(
    path: Path, required: Sequence[str] = (), *, called: str = ""
) -> list[Row]:
    """Read the rows of a tab-separated table (comma-separated if it ends in `.csv`).

    Args:
        path: the table; its first line names the columns.
        required: columns that must be there.
        called: what messages call it instead of its name, which may name a patient.

    Raises:
        StageError: the table is missing, is not UTF-8 text, lacks a required column or
            has a row of another length than its header.
    """
    name = called or path.name
    delimiter, separators = (",", "commas") if path.suffix == ".csv" else ("\t", "tabs")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise StageError(f"{name}: the table does not exist") from None
    except UnicodeDecodeError:
        raise StageError(f"{name}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise StageError(
            f"{name}: cannot be read ({type(error).__name__}); "
            "give a table, and check its permissions"
        ) from None
    if "\0" in text:
        raise StageError(f"{name}: has NUL characters; save it as plain text")
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # of a cell
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter, restval=None)
    columns = [column.strip() for column in reader.fieldnames or []]
    reader.fieldnames = columns
    missing = [column for column in required if column not in columns]
    if missing:
        # The first line is not repeated: without a header it is about a patient.
        raise StageError(
            f"{name}: column {missing[0]!r} is missing; the first line must name "
            f"the columns, separated by {separators} (this line has {len(columns)} "
            f"column{'s' if len(columns) != 1 else ''})"
        )
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise StageError(
                f"{name}, line {reader.line_num}: "
                f"expected {len(columns)} values separated by {separators}"
            )
        rows.append({column: _read_cell(value) for column, value in row.items()})
    return rows


def write_table(
    path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]
) -> None:
    """Write `rows` under the header `columns`, all or nothing.

    A float is written with nine significant digits, ``None`` as an empty cell. A text
    that a spreadsheet would run is written so that it does not. A checksum beside the
    table that was there before goes.
    """
    cells = ([write_cell(row.get(name)) for name in columns] for row in rows)
    write_cells(path, cells, columns)


def write_cells(
    path: Path, rows: Iterable[Sequence[str]], columns: Sequence[str]
) -> None:
    """Write rows of cells from `write_cell` under a header, as `write_table` does."""
    checksum_path(path).unlink(missing_ok=True)
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def json_cell(value: object) -> str:
    r"""JSON as one cell of a table, in which several spaces would become one.

    Examples:
        >>> json_cell({"path": "a  b"})
        '{"path":"a\\u0020\\u0020b"}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace(" ", "\\u0020")


def write_cell(value: object) -> str:
    """Text of one value, without tabs, line breaks and other runs of white space."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.9g}"
    return _write_text(str(value))


@lru_cache(maxsize=10_000)  # names of scans and variants come again and again
def _write_text(value: str) -> str:
    """The same, of a text."""
    text = " ".join(value.replace("\0", " ").split())
    if text[:1].isalnum() or not _FORMULA.match(text) or _NUMBER.fullmatch(text):
        return text
    return _INERT + text


def _read_cell(text: str) -> str:
    """The text that was written as a cell."""
    text = text.strip()
    if text[:1] == _INERT and _FORMULA.match(text):
        return text[1:]
    return text
