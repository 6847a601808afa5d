"""Status tables: one row for each item of a job, which says how it ended.

`state` is ``ok`` whether outputs were made or found current, so that a table changes
only when a result does. Columns that describe a result are absent if there is none.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, TypedDict, TypeVar

from medinorm.files.records import cell
from medinorm.files.tables import json_cell
from medinorm.jobs.shards import Done, Failed, HasScan
from medinorm.records.scans import Identity

V = TypeVar("V")

Outcome = Literal["ok", "failed"]


class HasSeed(Protocol):
    """Something that belongs to the network of one seed."""

    @property
    def seed(self) -> int:
        """Seed of its training."""


class HasScanAndSeed(HasScan, HasSeed, Protocol):
    """Something that belongs to one scan and one network."""


class HasNames(HasScan, Protocol):
    """Something that belongs to a candidate scan."""

    @property
    def subject(self) -> str:
        """BIDS subject."""

    @property
    def session(self) -> str | None:
        """BIDS session."""

    @property
    def where(self) -> str:
        """What helps a person to find it."""


@dataclass(frozen=True)
class ScanStatus:
    """How the work on one scan ended.

    Args:
        scan: the scan's id.
        state: whether there is a result.
        reason: why there is none.
        content: checksum of the result.
    """

    scan: str
    state: Outcome
    reason: str | None
    content: str | None

    @classmethod
    def of(cls, item: HasScan, end: Done[str] | Failed) -> Self:
        """The row of a scan whose work ended in this way."""
        return cls(item.scan, outcome_of(end), reason_of(end), value_of(end))


@dataclass(frozen=True)
class RunStatus:
    """How the training of one network ended.

    Args:
        seed: of the training.
        state: whether there is a network.
        reason: why there is none.
        content: checksum of its weights.
    """

    seed: int
    state: Outcome
    reason: str | None
    content: str | None

    @classmethod
    def of(cls, item: HasSeed, end: Done[str] | Failed) -> Self:
        """The row of a seed whose training ended in this way."""
        return cls(item.seed, outcome_of(end), reason_of(end), value_of(end))


@dataclass(frozen=True)
class PredictionStatus:
    """How the prediction of one network on one scan ended.

    Args:
        scan: the scan's id.
        seed: of the network's training.
        state: whether there is a prediction.
        reason: why there is none.
        content: its checksum.
    """

    scan: str
    seed: int
    state: Outcome
    reason: str | None
    content: str | None

    @classmethod
    def of(cls, item: HasScanAndSeed, end: Done[str] | Failed) -> Self:
        """The row of a prediction that ended in this way."""
        ended = outcome_of(end), reason_of(end), value_of(end)
        return cls(item.scan, item.seed, *ended)


class _Packed(TypedDict):
    """Facts as JSON."""

    own: dict[str, str]
    known: dict[str, str]
    checksums: tuple[str, str]


@dataclass(frozen=True)
class Facts:
    """What is known of a converted scan.

    Args:
        image: canonical image, relative to the folder of canonical volumes.
        label: canonical label map, likewise, if there is one.
        channels: names of the image channels.
        identity: the scanner.
        own: the user's columns that the study asks for.
        checksums: of image and label map; the second is empty if there is none.
    """

    image: str
    label: str | None
    channels: tuple[str, ...]
    identity: Identity
    own: Mapping[str, str]
    checksums: tuple[str, str]

    def to_cell(self) -> str:
        """The facts as one cell of a table."""
        known = self.identity.texts | {
            "image": self.image,
            "label": self.label or "",
            "channels": ",".join(self.channels),
        }
        packed = _Packed(own=dict(self.own), known=known, checksums=self.checksums)
        return json_cell(packed)

    @classmethod
    def of_cell(cls, text: str) -> Self:
        """The facts in a cell.

        Raises:
            ValueError: it is no JSON.
            KeyError: it lacks something.
        """
        packed: _Packed = json.loads(text)
        known, (image, label) = packed["known"], packed["checksums"]
        return cls(
            image=known["image"],
            label=known["label"] or None,
            channels=tuple(known["channels"].split(",")),
            identity=Identity.of(known),
            own=packed["own"],
            checksums=(image, label),
        )


@dataclass(frozen=True)
class ConvertStatus:
    """How the conversion of one candidate ended.

    Args:
        scan: the scan's id.
        subject: BIDS subject.
        session: BIDS session.
        where: helps a person to find it; free of identifiers.
        state: whether there are volumes.
        reason: why there are none.
        facts: what is known of them.
    """

    scan: str
    subject: str
    session: str | None
    where: str
    state: Outcome
    reason: str | None
    facts: Facts | None = field(metadata=cell(parse=Facts.of_cell, write=Facts.to_cell))

    @classmethod
    def of(cls, item: HasNames, end: Done[Facts] | Failed) -> Self:
        """The row of a candidate whose conversion ended in this way."""
        return cls(
            scan=item.scan,
            subject=item.subject,
            session=item.session,
            where=item.where,
            state=outcome_of(end),
            reason=reason_of(end),
            facts=value_of(end),
        )


def outcome_of(end: Done[V] | Failed) -> Outcome:
    """The word of a status table for how an item ended."""
    return "failed" if isinstance(end, Failed) else "ok"


def reason_of(end: Done[V] | Failed) -> str | None:
    """Why an item failed."""
    return end.reason if isinstance(end, Failed) else None


def value_of(end: Done[V] | Failed) -> V | None:
    """What the work on an item returned."""
    return None if isinstance(end, Failed) else end.value
