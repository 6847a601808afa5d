"""Sentences whose numbers name the cell of the table they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from medinorm.records.evidence import DifferenceRow, DomainRow, SummaryRow
from medinorm.records.verdict import CitedNumber
from medinorm.variant import Variant

# What an interval becomes when a difference is seen from the other variant.
_SWAPPED = {
    f"{name}_{end}": f"{name}_{other}"
    for name in ("difference", "further", "next")
    for end, other in (("low", "high"), ("high", "low"))
}


@dataclass
class Sentence:
    """A sentence in the making.

    Args:
        text: what it says so far.
        numbers: those it has, in their order.
    """

    text: str = ""
    numbers: list[CitedNumber] = field(default_factory=list)

    def say(self, words: str) -> "Sentence":
        """Add words without a number that a table has."""
        self.text += words
        return self

    def cite(
        self, shown: str, value: float, table: str, column: str, row: Mapping[str, str]
    ) -> "Sentence":
        """Add a number, and where it comes from.

        Args:
            shown: the number as the sentence has it.
            value: as the table has it.
            table: name of the table, without ``.tsv``.
            column: of the table.
            row: cells that only this row has, by column.
        """
        self.text += shown
        self.numbers.append(
            CitedNumber(len(self.numbers), shown, value, table, column, row)
        )
        return self

    def cite_summary(self, row: SummaryRow, column: str, form: str) -> "Sentence":
        """Add a number of `summary.tsv`.

        Args:
            row: of the table.
            column: of the table.
            form: how the number is written, a format specification.
        """
        value = float(getattr(row, column))
        cells = name_variant(row.variant)
        shown = format(int(value) if form == "d" else value, form)
        return self.cite(shown, value, "summary", column, cells)

    def cite_domain(
        self, row: DomainRow, column: str, value: float, form: str
    ) -> "Sentence":
        """Add a number of `unseen_domains.tsv`.

        Args:
            row: of the variant on the domain, from `domains.tsv`.
            column: of the table of unseen domains.
            value: of this column.
            form: how the number is written.
        """
        cells = {**name_variant(row.variant), "domain": row.domain}
        shown = format(value, form)
        return self.cite(shown, float(value), "unseen_domains", column, cells)

    def cite_difference(
        self, row: DifferenceRow, column: str, form: str, *, turned: bool
    ) -> "Sentence":
        """Add a number of `differences.tsv`.

        Args:
            row: as the sentence sees it.
            column: the same.
            form: how the number is written.
            turned: the table has the two variants the other way round, so that
                differences there have the other sign.
        """
        value = float(getattr(row, column))
        shown = format(int(value) if form == "d" else value, form)
        one, other = (row.other, row.variant) if turned else (row.variant, row.other)
        cells = {**name_variant(one), **name_variant(other, "other_")}
        if turned and form != "d":
            return self.cite(
                shown, -value, "differences", _SWAPPED.get(column, column), cells
            )
        return self.cite(shown, value, "differences", column, cells)


def name_variant(variant: Variant, prefix: str = "") -> dict[str, str]:
    """The cells of a variant, by column."""
    return {f"{prefix}{name}": level for name, level in variant._asdict().items()}
