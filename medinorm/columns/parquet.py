"""One writer and one reader of tables of columns, as Parquet.

A table is columns of one length. Their types are those of a class of records, whose
rows the table has: `str` is a column of words, `int` one of words that are whole
numbers; `float`, and `int` where it may be absent, is an array of numbers, `bool` one
of truth values. Absent numbers are NaN here and null in the file.

Each page of the file has a checksum, and the whole file has one beside it, as other
tables. What the file was made by is in its metadata.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from medinorm import __version__
from medinorm.columns.words import WordColumn, as_codes
from medinorm.errors import StageError
from medinorm.files.atomic import replacing
from medinorm.files.checksums import (
    checksum_path,
    require_as_written,
    write_checksum,
)
from medinorm.files.records import column_hints

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

Numbers: TypeAlias = NDArray[np.float64]
Column: TypeAlias = WordColumn[Any] | Numbers | NDArray[np.bool_]

SUFFIX = ".parquet"
_KEY = b"medinorm"
_ROWS = 1 << 18  # of a row group: what is in memory twice


def write_columns(
    path: Path, columns: Mapping[str, Column], kind: type[Any], *, checked: bool = True
) -> None:
    """Write columns as Parquet, all or nothing.

    Args:
        path: the file.
        columns: by name, of one length; all that `kind` has.
        kind: class of the records that the rows are.
        checked: whether its checksum is written beside it.
    """
    import pyarrow as pa  # noqa: PLC0415 (0.2 s, and only where it is needed)
    from pyarrow import parquet  # noqa: PLC0415

    types = column_types(kind)
    about = {"version": __version__, "table": kind.__name__}
    schema = pa.schema(
        [
            (name, _arrow_type(values, columns[name]))
            for name, (values, _) in types.items()
        ],
        metadata={_KEY: json.dumps(about).encode()},
    )
    words = [name for name in types if isinstance(columns[name], WordColumn)]
    rows = len(columns[next(iter(types))])
    checksum_path(path).unlink(missing_ok=True)
    with (
        replacing(path) as temporary,
        parquet.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=words,
            write_page_checksum=True,
        ) as writer,
    ):
        for start in range(0, max(rows, 1), _ROWS):
            arrays = [
                _to_arrow(columns[field.name][start : start + _ROWS], field.type)
                for field in schema
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    if checked:
        write_checksum(path)


def read_columns(
    path: Path,
    kind: type[Any],
    names: Sequence[str] = (),
    *,
    called: str = "",
    checked: bool = True,
) -> dict[str, Any]:
    """Read columns that `write_columns` wrote.

    Args:
        path: the file.
        kind: class of the records that the rows are.
        names: the columns to read; all of `kind` if empty.
        called: what messages call the file instead of its name.
        checked: whether all of its bytes are compared with the checksum beside it.

    Raises:
        DamagedError: the file is not what was written; it is deleted.
        StageError: the file is missing or damaged, or is another table.
    """
    if checked:
        require_as_written(path, called=called)
    types, lists = column_types(kind), _find_lists(kind)
    wanted = list(names or types)
    with _open_table(path, called or path.name) as file:
        missing = [one for one in wanted if one not in file.schema_arrow.names]
        if missing:
            raise StageError(
                f"{called or path.name}: column {missing[0]!r} is missing; "
                "make the table again"
            )
        groups = [
            {
                one: _from_lists(table.column(one), one)
                if one in lists
                else _from_arrow(table.column(one), types[one], one)
                for one in wanted
            }
            for table in _read_groups(file, wanted)
        ]
        columns = {
            one: join_columns([group.pop(one) for group in groups]) for one in wanted
        }
        _refuse_other_words(columns, kind)
    return columns


def _read_groups(
    file: "parquet.ParquetFile", wanted: Sequence[str]
) -> Iterator["pa.Table"]:
    """Parts of a file, at least one, of which one is in memory at a time."""
    for number in range(file.num_row_groups):
        yield file.read_row_group(number, columns=wanted, use_threads=False)
    if not file.num_row_groups:
        yield file.schema_arrow.empty_table().select(wanted)


def count_rows(path: Path) -> int:
    """How many rows a table has, once all of its bytes are checked.

    Raises:
        DamagedError: the file is not what was written; it is deleted.
        StageError: the file is missing or damaged.
    """
    require_as_written(path)
    with _open_table(path, path.name) as file:
        return int(file.metadata.num_rows)


@contextmanager
def _open_table(path: Path, name: str) -> Iterator["parquet.ParquetFile"]:
    """Open a file to read columns of it.

    Raises:
        StageError: it is missing or damaged, or a column has another type.
    """
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    try:
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except FileNotFoundError:
        raise StageError(f"{name}: the table does not exist") from None
    except _TypeError as error:
        raise StageError(
            f"{name}: column {str(error)!r} has values of the wrong type; "
            "make the table again"
        ) from None
    except (OSError, pa.ArrowException):
        raise StageError(
            f"{name}: is damaged or no Parquet file; make the table again"
        ) from None


class _TypeError(Exception):
    """A column has values of the wrong type."""


def column_types(kind: type[Any]) -> dict[str, tuple[type[Any], bool]]:
    """The type of the values of each column, and whether they may be absent."""
    return {
        name: (_base(hint), type(None) in get_args(hint))
        for name, hint in column_hints(kind).items()
    }


def _find_lists(kind: type[Any]) -> set[str]:
    """Names of the columns that have several numbers in each row."""
    hints = column_hints(kind)
    return {name for name, hint in hints.items() if get_origin(hint) is tuple}


def absent(number: int) -> Numbers:
    """A column of absent numbers, which takes no memory."""
    return np.broadcast_to(np.nan, number)


def is_absent(numbers: NDArray[Any]) -> bool:
    """Whether a column is one from `absent`."""
    return numbers.strides == (0,)


def _refuse_other_words(columns: Mapping[str, Column], kind: type[Any]) -> None:
    """Check that a column of a choice has none but its words.

    Raises:
        _TypeError: it has another.
    """
    for name, hint in column_hints(kind).items():
        column = columns.get(name)
        words = column.present if isinstance(column, WordColumn) else ()
        if get_origin(hint) is Literal and not set(words) <= set(get_args(hint)):
            raise _TypeError(name)


def _base(hint: Any) -> type[Any]:
    """The type of values that are not absent; of a choice, that of its words."""
    if get_origin(hint) is Literal:
        return type(get_args(hint)[0])
    inner = [one for one in get_args(hint) if one is not type(None)]
    kind: type[Any] = _base(inner[0]) if inner else hint
    return kind


def join_columns(pieces: list[Any]) -> Any:
    """One column of several pieces, at least one."""
    if isinstance(pieces[0], WordColumn):
        return WordColumn.join(pieces)
    if all(map(is_absent, pieces)):
        return absent(sum(map(len, pieces)))
    return np.concatenate(pieces) if len(pieces) > 1 else pieces[0]


def _arrow_type(values: type[Any], column: Column) -> "pa.DataType":
    """The type of a column in the file."""
    import pyarrow as pa  # noqa: PLC0415

    kind = {
        str: pa.dictionary(pa.int32(), pa.string()),
        int: pa.int64(),
        float: pa.float64(),
        bool: pa.bool_(),
    }[values]
    if isinstance(column, np.ndarray) and column.ndim > 1:
        return pa.list_(kind, column.shape[1])
    return kind


def _to_arrow(column: Column, kind: "pa.DataType") -> "pa.Array":
    """Some rows of a column as Arrow has them."""
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_fixed_size_list(kind):
        flat = pa.array(np.asarray(column).ravel()).cast(kind.value_type)
        return pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
    if isinstance(column, WordColumn):
        column = column.shortened
        if pa.types.is_integer(kind):
            return pa.array(np.array(column.names, np.int64)[column.codes])
        names = pa.array(column.names, pa.string())
        return pa.DictionaryArray.from_arrays(column.codes.astype(np.int32), names)
    if pa.types.is_boolean(kind):
        return pa.array(column)
    if is_absent(column):
        return pa.nulls(len(column), kind)
    return pa.array(column, from_pandas=True).cast(kind)


def _from_arrow(
    column: "pa.ChunkedArray", wanted: tuple[type[Any], bool], name: str
) -> Column:
    """A column of Arrow as we have it.

    Raises:
        _TypeError: it has another type, or a value is absent that must not be.
    """
    import pyarrow as pa  # noqa: PLC0415

    kind, optional = wanted
    fits = {
        str: _is_text,
        int: pa.types.is_integer,
        float: pa.types.is_floating,
        bool: pa.types.is_boolean,
    }[kind]
    if not fits(column.type) or (column.null_count and not optional):
        raise _TypeError(name)
    if kind is str:
        return _read_words(column)
    if kind is int and not optional:
        names, codes = np.unique(column.to_numpy(), return_inverse=True)
        return WordColumn(tuple(names.tolist()), as_codes(codes, len(names)))
    if kind is bool:
        return np.asarray(column.to_numpy(), dtype=np.bool_)
    if column.null_count == len(column):
        return absent(len(column))
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _from_lists(column: "pa.ChunkedArray", name: str) -> Numbers:
    """A column of Arrow whose rows are several numbers, ``(n, m)``.

    Raises:
        _TypeError: it has another type, or a value is absent.
    """
    import pyarrow as pa  # noqa: PLC0415

    kind = column.type
    if not pa.types.is_fixed_size_list(kind) or column.null_count:
        raise _TypeError(name)
    if not (
        pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type)
    ):
        raise _TypeError(name)
    pieces = [one.flatten() for one in column.chunks]
    if any(one.null_count for one in pieces):
        raise _TypeError(name)
    flat = [one.to_numpy(zero_copy_only=False) for one in pieces]
    joined = np.concatenate(flat) if flat else np.empty(0)
    return np.asarray(joined, dtype=np.float64).reshape(-1, kind.list_size)


def _is_text(kind: "pa.DataType") -> bool:
    """Whether a column of a type is text."""
    import pyarrow as pa  # noqa: PLC0415

    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(values) or pa.types.is_large_string(values))


def _read_words(column: "pa.ChunkedArray") -> WordColumn[str]:
    """A column of text."""
    pieces = [one.dictionary_encode() for one in column.chunks]
    return WordColumn.join(
        [
            WordColumn(tuple(one.dictionary.to_pylist()), one.indices.to_numpy()).sorted
            for one in pieces
        ]
    )
