"""JSON schema of the evidence files, made from the classes of their records.

A table is a list of rows, an object each: an empty cell is ``null``, ``yes`` and ``no``
are booleans, words joined by commas are a list. `read_as_json` reads a file so.
"""

import inspect
import json
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from medinorm.expected.records import (
    ExpectedErrorRow,
    ExpectedModels,
    ExpectedScanRow,
)
from medinorm.files.atomic import read_json
from medinorm.files.records import named_columns
from medinorm.files.tables import read_table
from medinorm.records import beyond_means as beyond
from medinorm.records import evidence
from medinorm.records.beyond_means import DomainProbeRow, FeatureDriftRow
from medinorm.records.calibration import CalibrationSummaryRow, RetentionRow
from medinorm.records.environment import Environment
from medinorm.records.learning_rates import RateRow
from medinorm.records.verdict import Verdict

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

# Each table of the comparison, by the name of its file without the ending.
TABLES: Mapping[str, type[Any]] = {
    "calibration": CalibrationSummaryRow,
    "cases": evidence.CaseRow,
    "components": beyond.ComponentRow,
    "curves": evidence.CurveRow,
    "differences": evidence.DifferenceRow,
    "domains": evidence.DomainRow,
    "drift": FeatureDriftRow,
    "effects": evidence.EffectRow,
    "error_retention": RetentionRow,
    "expected_errors": ExpectedErrorRow,
    "expected_scans": ExpectedScanRow,
    "failures": evidence.FailureRow,
    "fairness": evidence.FairnessRow,
    "gaps": evidence.GapRow,
    "learning_rates": RateRow,
    "networks": evidence.NetworkRow,
    "probe": DomainProbeRow,
    "rank_agreement": beyond.RankAgreementRow,
    "rank_probabilities": beyond.RankProbabilityRow,
    "ranking": evidence.RankingRow,
    "ranks": beyond.RankRow,
    "recovered": beyond.RecoveredRow,
    "summary": evidence.SummaryRow,
    "unseen_domains": beyond.UnseenDomainRow,
    "unseen_labels": beyond.UnseenLabelRow,
    "worst_domains": beyond.WorstDomainRow,
}
DOCUMENTS: Mapping[str, type[Any]] = {
    "environment": Environment,
    "expected": ExpectedModels,
    "verdict": Verdict,
}

_LEAVES: Mapping[Any, Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    Any: {},
}


def describe_evidence() -> Schema:
    """The schema of a folder of evidence: an entry for each file, by its name."""
    tables = {
        name: {"type": "array", "items": describe_row(kind)}
        for name, kind in TABLES.items()
    }
    documents = {name: _describe_record(kind) for name, kind in DOCUMENTS.items()}
    return {
        "$schema": DRAFT,
        "title": "Evidence of a medinorm study",
        "description": "The files of `results/evidence`, by their name without the "
        "ending. A table is a list of rows. Absent is null.",
        "type": "object",
        "properties": dict(sorted((tables | documents).items())),
        "required": sorted({"summary", "verdict"}),
        "additionalProperties": False,
    }


def describe_row(kind: type[Any]) -> Schema:
    """The schema of one row of a table: its columns are the properties.

    Args:
        kind: class of the rows.
    """
    columns = dict(_columns(kind, ""))
    required = [name for name, (_, needed) in columns.items() if needed]
    return {
        "title": _summarize(kind),
        "type": "object",
        "properties": {name: schema for name, (schema, _) in columns.items()},
        "required": required,
        "additionalProperties": False,
    }


def read_as_json(path: Path) -> Any:
    """A file of the evidence as the schema describes it.

    Args:
        path: a table of `TABLES`, or a JSON file of `DOCUMENTS`.

    Raises:
        StageError: the table is missing or damaged.
        ValueError: a cell is not of the type of its column.
    """
    if path.stem in DOCUMENTS:
        return read_json(path)
    columns = describe_row(TABLES[path.stem])["properties"]
    return [
        {name: parse_cell(text, columns.get(name, {})) for name, text in row.items()}
        for row in read_table(path)
    ]


def parse_cell(text: str, schema: Schema) -> Any:
    """The value of a cell by the schema of its column.

    Args:
        text: of the cell.
        schema: of the column.

    Examples:
        >>> optional = {"anyOf": [{"type": "number"}, {"type": "null"}]}
        >>> parse_cell("0.5", optional), parse_cell("", optional)
        (0.5, None)
        >>> parse_cell("yes", {"type": "boolean"})
        True
    """
    known = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    if not text and len(known) < len(schema.get("anyOf", [schema])):
        return None
    kind = known[0].get("type")
    if kind == "array":
        return [parse_cell(one, known[0]["items"]) for one in text.split(",") if one]
    if kind == "boolean":
        return {"yes": True, "no": False}.get(text, text)
    if kind in {"integer", "number"}:
        return json.loads(text)
    return text


def _columns(kind: type[Any], prefix: str) -> Iterator[tuple[str, tuple[Schema, bool]]]:
    """The columns of a record: name, schema, and whether each table has it."""
    hints, said = get_type_hints(kind), _read_arguments(kind)
    for name, needed, metadata in _declared(kind):
        hint = hints[name]
        if _is_record(hint):
            yield from _columns(hint, prefix + metadata.get("prefix", ""))
        elif get_origin(hint) is Mapping:
            cell = describe_type(get_args(hint)[1])
            yield from ((prefix + each, (cell, needed)) for each in metadata["names"])
        else:
            schema = describe_type(hint)
            if name in said:
                schema = {**schema, "description": said[name]}
            yield prefix + name, (schema, needed)


def _describe_record(kind: type[Any]) -> Schema:
    """The schema of a record as a JSON object."""
    hints, said = get_type_hints(kind), _read_arguments(kind)
    properties = {
        name: describe_type(hints[name])
        | ({"description": said[name]} if name in said else {})
        for name, _, _ in _declared(kind)
    }
    return {
        "title": _summarize(kind),
        "type": "object",
        "properties": properties,
        "required": [name for name, needed, _ in _declared(kind) if needed],
        # A variant may have a name besides its levels.
        "additionalProperties": {"type": "string"}
        if issubclass(kind, tuple)
        else False,
    }


def describe_type(hint: Any) -> Schema:
    """The schema of the values of a type.

    Args:
        hint: a type, as the fields of records have them.

    Raises:
        TypeError: no field of a record had such a type until now.

    Examples:
        >>> describe_type(float | None)
        {'anyOf': [{'type': 'number'}, {'type': 'null'}]}
    """
    if hint in _LEAVES:
        return dict(_LEAVES[hint])
    if _is_record(hint):
        return _describe_record(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return {"anyOf": [describe_type(each) for each in inner]}
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": describe_type(inner[0])}
    if origin is not Mapping:
        raise TypeError(f"no JSON schema is known for {hint}")
    return {"type": "object", "additionalProperties": describe_type(inner[1])}


def _declared(kind: Any) -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Name of each field, whether it is needed, and which columns it stands for."""
    if not is_dataclass(kind):  # a named tuple
        yield from ((name, True, {}) for name in kind._fields)
        return
    for field in fields(kind):
        needed = field.default is MISSING and field.default_factory is MISSING
        yield field.name, needed, named_columns(field.metadata)


def _is_record(hint: Any) -> bool:
    """Whether a type is a dataclass or a named tuple."""
    return is_dataclass(hint) or (isinstance(hint, type) and hasattr(hint, "_fields"))


def _summarize(kind: type[Any]) -> str:
    """The first line of the documentation of a record."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n")[0]


def _read_arguments(kind: type[Any]) -> dict[str, str]:
    """What the documentation of a record says of its fields."""
    _, _, listed = inspect.cleandoc(kind.__doc__ or "").partition("Args:\n")
    entries = re.findall(r"^    (\w+): ((?:.|\n     )*)", listed, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}
