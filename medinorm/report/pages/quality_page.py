"""The quality page: each scan at a glance, and what was left out; offline HTML."""

import base64
import logging
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from medinorm import __version__
from medinorm.config import TaskConfig
from medinorm.files.atomic import read_json, replacing
from medinorm.files.sidecars import sidecar_path
from medinorm.files.tables import Row, read_table
from medinorm.jobs.shards import STATUS_COLUMNS
from medinorm.report.figures.previews import COLOURS, GAP, SIDE
from medinorm.report.figures.svg import ABSENT
from medinorm.scan import EXCLUDED_COLUMNS, SCAN_COLUMNS

PER_PAGE = 240  # scans; about 3 MB

_UNUSUAL = 3.5  # robust standard deviations from the median
_ENOUGH = 8  # scans to tell what is usual
_MAD = 1.4826  # standard deviation of a normal distribution with this deviation 1
_SHEETS = ("page", "quality_page")  # style and script: shared, then its own

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """One scan as the page shows it.

    Args:
        scan: its pseudonymous id.
        scanner: the kind of device, or a word for none.
        picture: address of the picture with its data; empty if there is none.
        facts: names and values.
        notes: what to look at.
    """

    scan: str
    scanner: str
    picture: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]


def write_quality_page(  # noqa: PLR0913 (four inputs, and what they are called)
    scans: Path,
    excluded: Path,
    thumbnails: Path,
    page: Path,
    statuses: Sequence[Path],
    *,
    title: str,
    input: TaskConfig,  # noqa: A002 (the word of the configuration)
) -> None:
    """Write the quality page; scans that someone should look at come first.

    More than `PER_PAGE` scans go on to further files beside `page`. Each file needs
    nothing else to be read.

    Args:
        scans: `scans.tsv`.
        excluded: `excluded.tsv`.
        thumbnails: folder that `draw_thumbnails` wrote to.
        page: the file to write.
        statuses: tables that `draw_thumbnails` wrote.
        title: of the study.
        input: the labels.

    Raises:
        StageError: a table is missing or lacks a column.
    """
    rows = read_table(scans, required=SCAN_COLUMNS)
    failed = {
        row["scan"]: row["reason"]
        for path in statuses
        for row in read_table(path, required=STATUS_COLUMNS)
        if row["reason"]
    }
    left_out = read_table(excluded, required=EXCLUDED_COLUMNS)
    cards = _cards(rows, failed, thumbnails, list(input.label_values.values()))
    cards, common = set_common_apart(cards)
    parts = [cards[i : i + PER_PAGE] for i in range(0, len(cards), PER_PAGE)] or [[]]
    names = [_page_name(page, number) for number in range(len(parts))]
    for number, (name, part) in enumerate(zip(names, parts, strict=True)):
        values = {
            "title": title,
            "cards": part,
            "number": number,
            "pages": names,
            "scanners": sorted({card.scanner for card in part}),
            "common": common,
            "excluded": left_out,
            "columns": list(left_out[0]) if left_out else list(EXCLUDED_COLUMNS),
            "size": _count(cards, left_out),
            "legend": list(zip(input.label_values.values(), _colours(), strict=False)),
        }
        with replacing(page.with_name(name)) as temporary:
            temporary.write_text(_render(values), encoding="utf-8")
    for path in page.parent.glob(f"{page.stem}-*{page.suffix}"):
        if path.name not in names:
            path.unlink()
    _log.info("quality page: %d scans on %d pages", len(cards), len(names))


def _cards(
    rows: Sequence[Row],
    failed: Mapping[str, str],
    thumbnails: Path,
    labels: Sequence[str],
) -> list[Card]:
    """All scans, in the order of the table."""
    measures: dict[str, Any] = {
        row["scan"]: read_json(sidecar_path(thumbnails / f"{row['scan']}.png"))
        for row in rows
        if row["scan"] not in failed
    }
    volumes = {scan: facts["volumes"] for scan, facts in measures.items()}
    odd = find_unusual(volumes)
    cards = []
    for row in rows:
        scan = row["scan"]
        facts = measures.get(scan)
        notes = (
            [*_notes(facts), *odd.get(scan, ())]
            if facts
            else [f"no picture: {failed[scan]}"]
        )
        picture = _embedded(thumbnails / f"{scan}.png") if facts else ""
        scanner = row.get("scanner") or "unknown scanner"
        cards.append(Card(scan, scanner, picture, _facts(row, facts, labels), notes))
    return cards


def set_common_apart(
    cards: Sequence[Card],
) -> tuple[list[Card], list[tuple[str, int]]]:
    """Take notes that most scans have from the single scans: they single out none.

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
    kept.sort(key=lambda card: (not card.notes, card.scanner, card.scan))
    return kept, sorted(common.items())


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
    found: dict[str, list[str]] = {}
    names = dict.fromkeys(name for sizes in volumes.values() for name in sizes)
    for name in names:
        sizes = {scan: own[name] for scan, own in volumes.items() if own.get(name)}
        logs = np.log(list(sizes.values()))
        if len(logs) < _ENOUGH:
            continue
        middle = float(np.median(logs))
        spread = _MAD * float(np.median(np.abs(logs - middle)))
        for scan, size in sizes.items():
            away = math.log(size) - middle
            if spread > 0 and abs(away) > _UNUSUAL * spread:
                word = "large" if away > 0 else "small"
                found.setdefault(scan, []).append(
                    f"{name} is unusually {word}: {_ml(size)}, others about "
                    f"{_ml(math.exp(middle))}"
                )
    return found


def _notes(facts: Mapping[str, Any]) -> list[str]:
    """What to look at in one scan by itself."""
    return [
        *(f"geometry: {change}" for change in facts["changes"]),
        *(f"no {name}" for name, size in facts["volumes"].items() if not size),
        *(f"{name} reaches the edge of the image" for name in facts["at_edge"]),
    ]


def _facts(
    row: Row, facts: Mapping[str, Any] | None, labels: Sequence[str]
) -> list[tuple[str, str]]:
    """What is said beside a picture."""
    known = [("Site", row.get("site", "")), ("Device", row.get("device", ""))]
    if facts:
        known += [
            ("Size", " \N{MULTIPLICATION SIGN} ".join(map(str, facts["grid"]))),
            ("Spacing", f"{_times(facts['spacing'])} mm"),
            ("Window", " to ".join(f"{value:.4g}" for value in facts["window"])),
            *((name, _ml(facts["volumes"][name])) for name in labels),
        ]
    return [(name, text or ABSENT) for name, text in known]


def _count(cards: Sequence[Card], excluded: Sequence[Row]) -> list[tuple[str, int]]:
    """The numbers at the head of the page."""
    return [
        ("usable scans", len(cards)),
        ("to look at", sum(bool(card.notes) for card in cards)),
        ("kinds of scanner", len({card.scanner for card in cards})),
        ("entries left out", len(excluded)),
    ]


def _page_name(page: Path, number: int) -> str:
    """File name of a page, counted from 0."""
    return f"{page.stem}-{number + 1}{page.suffix}" if number else page.name


def _embedded(path: Path) -> str:
    """A picture as a data address."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _colours() -> Iterable[str]:
    """The colours of labels for a style sheet."""
    return (f"rgb({red} {green} {blue})" for red, green, blue in COLOURS)


def _times(numbers: Sequence[float]) -> str:
    """Lengths with a multiplication sign between them."""
    return " \N{MULTIPLICATION SIGN} ".join(f"{number:.3g}" for number in numbers)


def _ml(volume: float) -> str:
    """A volume with as many digits as say something."""
    return f"{volume:,.0f} ml" if volume >= 10 else f"{volume:.3g} ml"


def _render(values: Mapping[str, Any]) -> str:
    """The page from its template; what is no markup is escaped."""
    folder = files("medinorm.report.pages")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = (folder / "quality_page.html.j2").read_text("utf-8")
    style, script = (
        Markup("".join((folder / f"{name}.{kind}").read_text("utf-8") for name in both))
        for kind, both in (
            ("css", ("page", "quality_page")),
            ("js", ("page", "quality_page")),
        )
    )
    picture = {"width": 3 * SIDE + 2 * GAP, "height": SIDE}
    return environment.from_string(source).render(
        values, style=style, script=script, version=__version__, picture=picture
    )
