"""The verdict of a comparison: `verdict.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medinorm.errors import StageError
from medinorm.files.atomic import read_json, write_json
from medinorm.files.checksums import require_as_written, write_checksum
from medinorm.variant import Variant


@dataclass(frozen=True)
class CitedNumber:
    """A number of the verdict, and the cell of the table that it comes from.

    Args:
        sentence: which of the sentences has it, from 0.
        shown: the number as the sentence has it. A difference of two variants may have
            the other sign in the table, where the two are the other way round.
        value: as the table has it.
        table: its file, without ``.tsv``.
        column: of the table.
        row: cells by which the row is found, by column.
    """

    sentence: int
    shown: str
    value: float
    table: str
    column: str
    row: Mapping[str, str]


@dataclass(frozen=True)
class Verdict:
    """What a study shows, in sentences and in the numbers they rest on.

    Args:
        ranked: whether the variants were ranked.
        reason: why they were not; empty if they were.
        best: the variant with the highest Dice, and those not shown to be worse.
        reference: the variant with the usual norm, if there is one.
        sentences: what a reader should know; each can be checked in the tables.
        confidence: level of all intervals, a fraction.
        domains: how many were tested.
        scans: how many were tested.
        subjects: how many were tested.
        seeds: of training.
        predictions: how many were scored.
        failures: how many of the predictions failed for at least one label.
        version: of the package.
        domain: columns that define the domains.
        settings: those of the comparison, by the words of the configuration.
        weaknesses: what a reader must know before any number, as sentences.
        numbers: those of the sentences that stand in a table, in their order. Counts of
            predictions are `predictions` and `failures`; the margin and the level are
            in `settings`; comparisons are the rows of `differences.tsv` with a `p`.
    """

    ranked: bool
    reason: str
    best: tuple[Variant, ...]
    reference: Variant | None
    sentences: tuple[str, ...]
    confidence: float
    domains: int
    scans: int
    subjects: int
    seeds: int
    predictions: int
    failures: int
    version: str
    domain: tuple[str, ...]
    settings: Mapping[str, float]
    weaknesses: tuple[str, ...] = ()
    numbers: tuple[CitedNumber, ...] = ()


def write_verdict(
    path: Path, verdict: Verdict, names: Mapping[Variant, str] = MappingProxyType({})
) -> None:
    """Write a verdict as JSON.

    Args:
        path: file to write.
        verdict: the verdict.
        names: what variants are called; without one a variant names all its levels.
    """
    reference = verdict.reference
    variants = {
        "best": [_named(variant, names) for variant in verdict.best],
        "reference": _named(reference, names) if reference else None,
    }
    write_json(path, asdict(verdict) | variants)
    write_checksum(path)


def read_verdict(path: Path) -> Verdict:
    """Read a verdict.

    Raises:
        StageError: the file is missing, is no JSON, or lacks an entry.
    """
    require_as_written(path)
    try:
        values = read_json(path)
        # Verdicts of version 0.1.0 may lack it: their domains were scanners.
        values.setdefault("domain", ("scanner",))
        values.setdefault("weaknesses", ())
        numbers = tuple(CitedNumber(**row) for row in values.pop("numbers", ()))
        names = ("sentences", "domain", "weaknesses")
        lists = {name: tuple(values[name]) for name in names}
        variants = {
            "best": tuple(map(_variant, values["best"])),
            "reference": _variant(values["reference"]) if values["reference"] else None,
        }
        return Verdict(**values | lists | variants, numbers=numbers)
    except FileNotFoundError:
        raise StageError(f"{path.name}: does not exist; run evidence") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise StageError(
            f"{path.name}: damaged, or of another version; run evidence again"
        ) from None


def _named(variant: Variant, names: Mapping[Variant, str]) -> dict[str, str]:
    """A variant with its name, as JSON values."""
    return {**variant._asdict(), "name": names.get(variant, variant.name)}


def _variant(values: Mapping[str, Any]) -> Variant:
    """The variant of JSON values."""
    return Variant(*(values[name] for name in Variant._fields))
