"""The quality page: a preview of each scan, and what was left out; offline HTML."""

import base64
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medinorm.config import TaskConfig
from medinorm.domain_noun import DomainNoun
from medinorm.files.atomic import replacing
from medinorm.files.names import choose_spellings, shorten_name
from medinorm.files.records import read_records
from medinorm.files.user_tables import present
from medinorm.jobs.declare import stage
from medinorm.records.scans import ExcludedRow, ScanRow
from medinorm.records.status import ScanStatus
from medinorm.report.figures.previews import (
    COLOURS,
    GAP,
    SIDE,
    Measures,
    read_measures,
)
from medinorm.report.figures.svg import ABSENT
from medinorm.report.html import write_page
from medinorm.report.text.isolate import isolate

PER_PAGE = 120  # scans; about 3 MB

_UNUSUAL = 3.5  # robust standard deviations from the median
_ENOUGH = 8  # scans needed to know what is usual
_MAD = 1.4826  # standard deviation of a normal distribution with this deviation 1
_SHEETS = ("page", "quality_page")  # style and script: shared, then its own
_PNG = "data:image/png;base64,"
_TIMES = " \N{MULTIPLICATION SIGN} "

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """One scan as the page shows it.

    Args:
        scan: its pseudonymous id.
        domain: its domain, or a word for none.
        preview: address of the preview with its data; empty if there is none.
        facts: names and values.
        notes: what to look at.
        outlines: address of the outlines with their data; empty likewise.
    """

    scan: str
    domain: str
    preview: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    outlines: str = ""


@stage("qc", after="previews")
def write_quality_page(  # noqa: PLR0913 (four inputs, and what they are called)
    scans: Path,
    excluded: Path,
    previews: Path,
    page: Path,
    statuses: Sequence[Path],
    *,
    title: str = "medinorm study",
    domain: Sequence[str] = ("scanner",),
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
) -> None:
    """Write the quality page; scans that someone should look at come first.

    More than `PER_PAGE` scans go on to further files beside `page`. Each file can
    be opened by itself, and finds the scans of all.

    Args:
        scans: `scans.tsv`.
        excluded: `excluded.tsv`.
        previews: folder that `medinorm previews` wrote to.
        page: the file to write.
        statuses: tables that `medinorm previews` wrote.
        title: of the study.
        domain: columns that make the domain of a scan, see `split.domain`.
        input: the labels.

    Raises:
        StageError: a table is missing or lacks a column.
    """
    noun = DomainNoun.of(domain)
    failed = {
        row.scan: row.reason
        for path in statuses
        for row in read_records(path, ScanStatus)
        if row.reason
    }
    left_out = read_records(excluded, ExcludedRow)
    labels = list(input.named_labels.values())
    rows = read_records(scans, ScanRow)
    domains = name_domains(rows, domain)
    cards = [
        replace(card, domain=domains[card.scan] or f"unknown {noun.one}")
        for card in _make_cards(rows, failed, previews, labels)
    ]
    if tuple(domain) != ("scanner",):
        scanners = {row.scan: row.identity.scanner or ABSENT for row in rows}
        cards = [
            replace(card, facts=[("Scanner", scanners[card.scan]), *card.facts])
            for card in cards
        ]
    cards, common = set_common_apart(_tell_unused(cards, left_out))
    pages = [cards[i : i + PER_PAGE] for i in range(0, len(cards), PER_PAGE)] or [[]]
    names = [_page_name(page, number) for number in range(len(pages))]
    for number, (name, shown) in enumerate(zip(names, pages, strict=True)):
        text = write_page(
            "quality_page",
            _SHEETS,
            title=title,
            cards=shown,
            scans=len(cards),
            number=number,
            pages=names,
            noun=noun,
            domains=sorted({card.domain for card in cards}),
            index=index_cards(pages),
            study=_identify(cards),
            common=common,
            excluded=left_out,
            size=_count(cards, left_out, noun),
            legend=list(zip(labels, _colours(), strict=False)),
            width=3 * SIDE + 2 * GAP,
            height=SIDE,
        )
        with replacing(page.with_name(name)) as temporary:
            temporary.write_text(text, encoding="utf-8")
    for path in page.parent.glob(f"{page.stem}-*{page.suffix}"):
        ours = path.stem.removeprefix(f"{page.stem}-").isdecimal()
        if path.name not in names and ours:
            path.unlink()
    _log.info("quality page: %d scans on %d pages", len(cards), len(names))


def _make_cards(
    rows: Sequence[ScanRow],
    failed: Mapping[str, str],
    previews: Path,
    labels: Sequence[str],
) -> list[Card]:
    """All scans, in the order of the table."""
    measured = {
        row.scan: read_measures(previews / f"{row.scan}.png")
        for row in rows
        if row.scan not in failed
    }
    unusual = find_unusual({scan: own.volumes for scan, own in measured.items()})
    cards = []
    for row in rows:
        measures = measured.get(row.scan)
        cards.append(
            Card(
                scan=row.scan,
                domain="",
                preview=_embed(previews / f"{row.scan}.png") if measures else "",
                outlines=f"{_PNG}{measures.outlines}"
                if measures and measures.outlines
                else "",
                facts=_facts(row, measures, labels),
                notes=[*_notes(measures), *unusual.get(row.scan, ())]
                if measures
                else [f"no preview: {failed[row.scan]}"],
            )
        )
    return cards


def _tell_unused(cards: Sequence[Card], excluded: Sequence[ExcludedRow]) -> list[Card]:
    """The cards, with the reason on those of scans that no split uses."""
    why = {row.scan: row.reason for row in excluded}
    return [
        replace(card, facts=[*card.facts, ("Not used", why[card.scan])])
        if card.scan in why
        else card
        for card in cards
    ]


def set_common_apart(
    cards: Sequence[Card],
) -> tuple[list[Card], list[tuple[str, int]]]:
    """Take notes that most scans have off the cards, for the head of the page.

    Args:
        cards: all scans.

    Returns:
        The cards, those with notes first; each common note with its number of scans.
    """
    counts = Counter(note for card in cards for note in card.notes)
    common = {note: n for note, n in counts.items() if n > max(len(cards) / 2, 1)}
    kept = [
        replace(card, notes=[note for note in card.notes if note not in common])
        for card in cards
    ]
    kept.sort(key=lambda card: (not card.notes, card.domain, card.scan))
    return kept, sorted(common.items())


def name_domains(rows: Sequence[ScanRow], columns: Sequence[str]) -> dict[str, str]:
    """The domain of each scan, as `split.domain` says; empty if a column is.

    Args:
        rows: the scans.
        columns: the columns that make the domain.
    """
    domains = {}
    for row in rows:
        known = row.identity.texts | {"subject": row.subject, **row.own}
        known |= {"scan": row.scan, "session": row.session or ""}
        values = [present(known.get(column, "")) for column in columns]
        domains[row.scan] = " ".join(values) if all(values) else ""
    spellings = choose_spellings(list(domains.values()))
    return {scan: shorten_name(spellings[name]) for scan, name in domains.items()}


def index_cards(pages: Sequence[Sequence[Card]]) -> list[list[list[str | int]]]:
    """Each scan on each page: its id, its domain and 1 if it is to be looked at.

    Texts are as the page shows them, so that they are equal to those of the cards.
    """
    return [
        [
            [isolate(card.scan), isolate(card.domain), int(bool(card.notes))]
            for card in shown
        ]
        for shown in pages
    ]


def _identify(cards: Sequence[Card]) -> str:
    """A name for the set of scans, under which a browser keeps its ratings."""
    names = "\n".join(sorted(card.scan for card in cards))
    return hashlib.blake2b(names.encode(), digest_size=8).hexdigest()


def find_unusual(volumes: Mapping[str, Mapping[str, float]]) -> dict[str, list[str]]:
    """Scans with a label much larger or smaller than in the others.

    Deviations are taken on the logarithm, with median and median absolute deviation.

    Args:
        volumes: volume of each label of each scan, in ml.

    Returns:
        Sentences by scan.

    Examples:
        >>> volumes = {str(i): {"liver": 1500.0 + i} for i in range(20)}
        >>> find_unusual(volumes | {"x": {"liver": 90.0}})
        {'x': ['liver is unusually small: 90 ml, others about 1,509 ml']}
    """
    unusual: dict[str, list[str]] = {}
    names = dict.fromkeys(name for sizes in volumes.values() for name in sizes)
    for name in names:
        sizes = {scan: own[name] for scan, own in volumes.items() if own.get(name)}
        logs = np.log(list(sizes.values()))
        if len(logs) < _ENOUGH:
            continue
        middle = float(np.median(logs))
        deviation = _MAD * float(np.median(np.abs(logs - middle)))
        for scan, size in sizes.items():
            away = math.log(size) - middle
            if deviation > 0 and abs(away) > _UNUSUAL * deviation:
                word = "large" if away > 0 else "small"
                unusual.setdefault(scan, []).append(
                    f"{name} is unusually {word}: {_ml(size)}, others about "
                    f"{_ml(math.exp(middle))}"
                )
    return unusual


def _notes(measures: Measures) -> list[str]:
    """What to look at in one scan by itself."""
    return [
        *(f"geometry: {change}" for change in measures.changes),
        *(f"no {name}" for name, size in measures.volumes.items() if not size),
        *(f"{name} reaches the edge of the image" for name in measures.at_edge),
    ]


def _facts(
    row: ScanRow, measures: Measures | None, labels: Sequence[str]
) -> list[tuple[str, str]]:
    """The facts beside a preview."""
    own = row.identity
    facts = [("Site", own.site or ""), ("Device", own.device or "")]
    if measures:
        facts += [
            ("Size", _TIMES.join(map(str, measures.grid))),
            ("Spacing", f"{_TIMES.join(f'{x:.3g}' for x in measures.spacing)} mm"),
            ("Window", " to ".join(f"{value:.4g}" for value in measures.window)),
            *(
                (name, _ml(measures.volumes[name]))
                for name in labels
                if name in measures.volumes
            ),
        ]
    return [(name, text or ABSENT) for name, text in facts]


def _count(
    cards: Sequence[Card], excluded: Sequence[ExcludedRow], noun: DomainNoun
) -> list[tuple[str, int]]:
    """The numbers at the head of the page."""
    usable = {card.scan for card in cards} - {row.scan for row in excluded}
    return [
        ("usable scans", len(usable)),
        ("to look at", sum(bool(card.notes) for card in cards)),
        (noun.many, len({card.domain for card in cards})),
        ("entries left out", len(excluded)),
    ]


def _page_name(page: Path, number: int) -> str:
    """File name of a page, counted from 0."""
    return f"{page.stem}-{number + 1}{page.suffix}" if number else page.name


def _embed(path: Path) -> str:
    """A PNG as a data address."""
    return _PNG + base64.b64encode(path.read_bytes()).decode()


def _colours() -> Iterable[str]:
    """The colours of labels for a style sheet."""
    return (f"rgb({red} {green} {blue})" for red, green, blue in COLOURS)


def _ml(volume: float) -> str:
    """A volume with as many digits as matter."""
    return f"{volume:,.0f} ml" if volume >= 10 else f"{volume:.3g} ml"
