"""Tables whose rows are records: frozen dataclasses, one field a column.

A cell is text: numbers as digits, booleans as ``yes`` and ``no``, absent values empty,
several words joined by commas. A field that is itself a record (or a named tuple)
stands for the columns of its own fields; `columns(prefix=...)` puts a prefix before
their names. A mapping with `columns(names=...)` stands for one column a name. Any other
field of type ``Mapping[str, str]`` takes all columns that no other field names.
`cell(parse=..., write=...)` is for a field whose cell is none of these.
"""

import dataclasses
import math
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import (
    Any,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from medinorm.errors import StageError
from medinorm.files.checksums import require_as_written, write_checksum
from medinorm.files.tables import Row, read_table, write_table

R = TypeVar("R")

_PREFIX = "medinorm_prefix"
_NAMES = "medinorm_names"
_CELL = "medinorm_cell"
_BOOLEANS = {"yes": True, "no": False}


class _CellFormat(NamedTuple):
    """How a cell becomes a value, and how a value becomes a cell."""

    parse: Callable[[str], Any]
    write: Callable[[Any], object] | None = None


class _TableColumn(NamedTuple):
    """One column: its name, and how its cells are read and written."""

    name: str
    cell: _CellFormat
    optional: bool  # may be absent from the table
    hint: Any  # type of its values


class _Nested(NamedTuple):
    """A field that is a record: its fields are columns of the table."""

    name: str
    fields: "_Fields"


class _Named(NamedTuple):
    """A field that is a mapping: each of its keys is a column of the table."""

    name: str
    columns: tuple[_TableColumn, ...]


class _Others(NamedTuple):
    """A field that takes all columns that no other field names."""

    name: str


class _Fields(NamedTuple):
    """How rows become records of one kind."""

    kind: type[Any]
    members: tuple["_TableColumn | _Nested | _Named | _Others", ...]
    prefix: str


def columns(*, prefix: str = "", names: Iterable[str] = ()) -> dict[str, Any]:
    """Metadata of a field that stands for several columns.

    Args:
        prefix: comes before the names of the columns of a field that is a record.
        names: the keys of a field that is a mapping, and its columns.

    Examples:
        >>> from medinorm.variant import Variant
        >>> @dataclasses.dataclass(frozen=True)
        ... class Difference:
        ...     variant: Variant
        ...     other: Variant = dataclasses.field(metadata=columns(prefix="other_"))
        >>> column_names(Difference)[3:5]
        ('adapt', 'other_intensity')
    """
    return {_PREFIX: prefix, _NAMES: tuple(names)}


def named_columns(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `columns` that made the metadata of a field.

    Args:
        metadata: of a field.

    Examples:
        >>> named_columns(columns(prefix="other_"))
        {'prefix': 'other_', 'names': ()}
    """
    return {"prefix": metadata.get(_PREFIX, ""), "names": metadata.get(_NAMES, ())}


def cell(
    *, parse: Callable[[str], Any], write: Callable[[Any], str]
) -> dict[str, _CellFormat]:
    """Metadata of a field that is one cell of a format of its own, such as JSON.

    Args:
        parse: makes the value of a cell; raises `ValueError` or `KeyError` where it is
            damaged. An empty cell of an optional field is ``None`` without it.
        write: makes the cell of a value that is not ``None``.
    """
    return {_CELL: _CellFormat(parse, write)}


def column_names(kind: type[Any]) -> tuple[str, ...]:
    """Names of the columns of a record, without those that only some tables have."""
    return tuple(column.name for column in _flat(_fields_of(kind)))


def column_hints(kind: type[Any]) -> dict[str, Any]:
    """The type of the values of each column, as it is declared."""
    return {column.name: column.hint for column in _flat(_fields_of(kind))}


def read_records(path: Path, kind: type[R], *, called: str = "") -> list[R]:
    """Read a table as records.

    Args:
        path: the table, tab-separated.
        kind: class of the records. Columns of fields that have a default may be absent.
        called: what messages call the table instead of its name.

    Raises:
        DamagedError: the table is not what `write_records` wrote; it is deleted.
        StageError: the table is missing or damaged, lacks a column, or has a cell of
            another type than its column.
    """
    require_as_written(path, called=called)
    fields = _fields_of(kind)
    required = [column.name for column in _flat(fields) if not column.optional]
    rows = read_table(path, required, called=called)
    known = frozenset(column_names(kind))
    records = []
    for number, row in enumerate(rows, start=1):
        try:
            records.append(_record(fields, row, known))
        except _CellError as error:
            raise StageError(
                f"{called or path.name}, row {number}: {error}; make the table again"
            ) from None
    return records


def write_records(
    path: Path, records: Iterable[R], kind: type[R], *, checked: bool = True
) -> None:
    """Write `records` as a table, all or nothing.

    Columns that only some records have come last, in the order in which they occur. If
    one has the name of a field, it replaces the column of that field.

    Args:
        path: the table.
        records: its rows.
        kind: their class.
        checked: whether its checksum is written beside it, for the stage that reads it.

    Raises:
        ValueError: a number is NaN: absent is ``None``.
    """
    fields = _fields_of(kind)
    written = list(records)
    others = list(dict.fromkeys(n for r in written for n in _other_names(r, fields)))
    names = [name for name in column_names(kind) if name not in others]
    rows = [dict(_cells(record, fields)) for record in written]
    write_table(path, rows, [*names, *others])
    if checked:
        write_checksum(path)


def require_distinct_columns(*kinds: Any) -> None:
    """Refuse classes of records that have two columns of one name.

    Raises:
        StageError: a class has, as where a metric is called like another column.
    """
    for kind in kinds:
        counts = Counter(column_names(kind))
        if twice := [name for name, count in counts.items() if count > 1]:
            raise StageError(
                f"two columns are called {twice[0]!r}; give the metric another name"
            )


class _CellError(Exception):
    """A cell cannot be read."""


def _fields_of(kind: Any, prefix: str = "") -> _Fields:
    """How rows become records of `kind`."""
    return _inspect(kind, prefix)


@cache
def _inspect(kind: Any, prefix: str) -> _Fields:
    """As `_fields_of`, once for each kind."""
    hints = get_type_hints(kind)
    return _Fields(kind, tuple(_each_field(kind, hints, prefix)), prefix)


def _each_field(
    kind: type[Any], hints: Mapping[str, Any], prefix: str
) -> Iterator["_TableColumn | _Nested | _Named | _Others"]:
    """How each field stands in the table."""
    for name, optional, metadata in _declared(kind):
        hint = hints[name]
        if _is_record(hint) and _CELL not in metadata:
            inner = prefix + metadata.get(_PREFIX, "")
            yield _Nested(name, _fields_of(hint, inner))
        elif get_origin(hint) is Mapping and metadata.get(_NAMES):
            of_key = get_args(hint)[1]
            cells = _CellFormat(_parser(of_key))
            named = (
                _TableColumn(prefix + key, cells, optional, of_key)
                for key in metadata[_NAMES]
            )
            yield _Named(name, tuple(named))
        elif get_origin(hint) is Mapping and _CELL not in metadata:
            yield _Others(name)
        else:
            own = metadata.get(_CELL)
            yield _TableColumn(prefix + name, _parsed(hint, own), optional, hint)


def _declared(kind: Any) -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Name, whether there is a default, and metadata of each field."""
    if not dataclasses.is_dataclass(kind):  # a named tuple
        yield from ((name, False, {}) for name in kind._fields)
        return
    for field in dataclasses.fields(kind):
        missing = dataclasses.MISSING
        optional = (field.default, field.default_factory) != (missing, missing)
        yield field.name, optional, field.metadata


def _is_record(hint: Any) -> bool:
    """Whether a type is a dataclass or a named tuple."""
    return dataclasses.is_dataclass(hint) or (
        isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")
    )


def _flat(fields: _Fields) -> Iterator[_TableColumn]:
    """All columns, those of nested records among them."""
    for field in fields.members:
        if isinstance(field, _Nested):
            yield from _flat(field.fields)
        elif isinstance(field, _Named):
            yield from field.columns
        elif isinstance(field, _TableColumn):
            yield field


def _record(fields: _Fields, row: Row, known: frozenset[str]) -> Any:
    """One row as a record."""
    values: dict[str, Any] = {}
    for field in fields.members:
        if isinstance(field, _Nested):
            values[field.name] = _record(field.fields, row, known)
        elif isinstance(field, _Named):
            values[field.name] = {
                column.name.removeprefix(fields.prefix): _value(
                    column, row[column.name]
                )
                for column in field.columns
                if column.name in row
            }
        elif isinstance(field, _Others):
            others = {name: text for name, text in row.items() if name not in known}
            values[field.name] = others
        elif field.name in row:
            values[field.name.removeprefix(fields.prefix)] = _value(
                field, row[field.name]
            )
    return fields.kind(**values)


def _value(column: _TableColumn, text: str) -> Any:
    """The value of one cell; its text is never repeated, it may name a patient."""
    try:
        return column.cell.parse(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _CellError(
            f"column {column.name!r} has a cell of the wrong type"
        ) from None


def _parsed(hint: Any, own: _CellFormat | None) -> _CellFormat:
    """How cells of one column are read and written."""
    if own is None:
        return _CellFormat(_parser(hint))
    if type(None) not in get_args(hint):
        return own
    return own._replace(parse=lambda text: own.parse(text) if text else None)


def _parser(hint: Any) -> Callable[[str], Any]:
    """How a cell of one type is read."""
    if get_origin(hint) in {Union, types.UnionType}:
        (inner,) = (one for one in get_args(hint) if one is not type(None))
        parse = _parser(inner)
        return lambda text: parse(text) if text else None
    if get_origin(hint) is Literal:
        words = {str(word): word for word in get_args(hint)}
        return words.__getitem__
    if get_origin(hint) is tuple:
        parse = _parser(get_args(hint)[0])
        return lambda text: tuple(map(parse, text.split(","))) if text else ()
    if hint in _PARSERS:
        return _PARSERS[hint]
    if get_origin(hint) is not None:  # Annotated and the like
        return _parser(get_args(hint)[0])
    parse_text: Callable[[str], Any] = hint
    return parse_text


def _number(text: str) -> float:
    """A number; what is not a number is refused: absent is an empty cell."""
    value = float(text)
    if math.isnan(value):
        raise ValueError(text)
    return value


_PARSERS: Mapping[type, Callable[[str], Any]] = {
    bool: _BOOLEANS.__getitem__,
    float: _number,
}


def _cells(record: Any, fields: _Fields) -> Iterator[tuple[str, object]]:
    """The cells of one record by their columns."""
    for field in fields.members:
        if isinstance(field, _Nested):
            yield from _cells(getattr(record, field.name), field.fields)
        elif isinstance(field, _Named):
            values = getattr(record, field.name)
            for column in field.columns:
                value = values.get(column.name.removeprefix(fields.prefix))
                yield column.name, _written(column, value)
        elif isinstance(field, _Others):
            yield from getattr(record, field.name).items()
        else:
            value = getattr(record, field.name.removeprefix(fields.prefix))
            yield field.name, _written(field, value)


def _other_names(record: Any, fields: _Fields) -> Iterator[str]:
    """The columns that only this record may have."""
    for field in fields.members:
        if isinstance(field, _Others):
            yield from getattr(record, field.name)


def _written(column: _TableColumn, value: Any) -> object:
    """A value as `write_table` takes it."""
    if value is not None and column.cell.write is not None:
        return column.cell.write(value)
    return _cell(value, column.name)


def _cell(value: Any, name: str) -> object:
    """The same, for a value of one of the common types."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and math.isnan(value):
        raise ValueError(f"{name} is NaN; absent values are None")
    if isinstance(value, Sequence):
        return ",".join(map(str, value))
    return value
