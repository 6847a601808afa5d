"""The user's own facts of each participant of a BIDS data set."""

import logging
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.files.names import clean_name
from medinorm.files.user_tables import present, read_user_table
from medinorm.ingest.bids.names import meaning_of_label
from medinorm.ingest.plan.candidates import LeftOut, excluded
from medinorm.ingest.plan.from_table import check_own_columns

NAME = "participants.tsv"

_ID = "participant_id"
_TWICE = f"{NAME} lists the participant twice, with other facts; keep one line each"
_SUBJECT = re.compile(r"sub-", re.IGNORECASE)
_DECIMALS = re.compile(r"(?<=\d)\.0+\Z")  # a spreadsheet or pandas had it as a number

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Participants:
    """Facts of participants, found by what the label of a subject means.

    ``sub-01``, ``01``, ``1`` and ``SUB-01`` are the same participant.

    Args:
        facts: by the meaning of the label, then by column.
        unclear: participants whose facts contradict each other, likewise.
        columns: the user's own.
    """

    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unclear: Collection[str] = frozenset()
    columns: tuple[str, ...] = ()

    def reason_against(self, subject: str) -> str:
        """Why the facts of a subject cannot be known, or nothing."""
        return _TWICE if meaning_of_label(subject) in self.unclear else ""

    def of(self, subject: str) -> Mapping[str, str]:
        """The facts of a subject; empty ones if the table does not list it."""
        nothing = dict.fromkeys(self.columns, "")
        return self.facts.get(meaning_of_label(subject), nothing)

    def unlisted(self, subjects: Collection[str]) -> list[LeftOut]:
        """What to say where the table does not list some subjects.

        Args:
            subjects: labels of all subjects that may be used.
        """
        missing = {s for s in subjects if meaning_of_label(s) not in self.facts}
        if not self.columns or not missing:
            return []
        reason = (
            f"has no line for {len(missing)} of {len(subjects)} subjects, whose facts "
            f"are unknown; write the names of their folders into {_ID}"
        )
        return [excluded(NAME, reason)]


def read_participants(path: Path) -> Participants:
    """Read the table; without one nothing is known of anybody.

    Args:
        path: columns `participant_id` and the user's own.

    Raises:
        StageError: the table cannot be read, or its columns are wrong.
    """
    if not path.exists():
        return Participants()
    rows = read_user_table(path, (_ID,), called=NAME)
    columns = sorted(set(rows[0].cells) - {_ID}) if rows else []
    check_own_columns(NAME, columns)
    facts: dict[str, dict[str, str]] = {}
    unclear = set()
    for row in rows:
        who = _meaning(present(row.cells[_ID]))
        if row.problem or not who:
            problem = row.problem or "names no participant; fill in participant_id"
            _log.warning("%s, line %d: %s", NAME, row.line, problem)
            continue
        own = {name: clean_name(present(row.cells[name])) for name in columns}
        if facts.setdefault(who, own) != own:
            unclear.add(who)
    return Participants(facts, frozenset(unclear), tuple(columns))


def _meaning(cell: str) -> str:
    """What a cell of the first column is compared by."""
    return meaning_of_label(_DECIMALS.sub("", _SUBJECT.sub("", cell, count=1)))
