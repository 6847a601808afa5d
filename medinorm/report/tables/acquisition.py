"""How the scans of each domain were acquired, and which intensities they have."""

import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from medinorm.damage import require_unchanged
from medinorm.errors import ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.layout import harmonized_paths, map_of
from medinorm.records.scans import IDENTITY_UNITS, Identity, Scan
from medinorm.report.figures.svg import ABSENT
from medinorm.report.findings import ReportFindings, distinct
from medinorm.report.tables.cells import Column, Table, word

SCANS_MEASURED = 8  # of each domain
PERCENTILES = (1, 50, 99)
_MOST_NAMES = 4  # of one cell
_VOXELS = 200_000  # of one scan
_AXES = ("R", "A", "S")

_WORDS = ("vendor", "model", "modality", "coil", "reconstruction_kernel")
_NUMBERS = (
    "field_strength",
    "repetition_time",
    "echo_time",
    "inversion_time",
    "flip_angle",
)

_log = logging.getLogger(__name__)

Ranges = dict[str, list[float]]


@dataclass(frozen=True)
class MeasuredDomain:
    """What the volumes of a domain say.

    Args:
        matrix: number of voxels along each axis, one entry a scan.
        intensities: percentiles by intensity method; ``""`` before all methods.
    """

    matrix: Sequence[tuple[int, int, int]] = ()
    intensities: Mapping[str, Ranges] = field(default_factory=dict)


def tabulate_acquisition(
    findings: ReportFindings, measured: Mapping[str, MeasuredDomain]
) -> Table:
    """One row a fact, one column a domain; numbers as minimum, median, maximum.

    Args:
        findings: the tables.
        measured: what the volumes of each domain say.
    """
    identities: dict[str, list[Identity]] = {}
    for row in findings.scans:
        if domain := findings.domain_of.get(row.scan):
            identities.setdefault(domain, []).append(row.identity)
    domains = findings.domain_names
    facts = {name: _facts(identities.get(name, [])) for name in domains}
    for name in domains:
        facts[name] |= _measured_facts(measured.get(name, MeasuredDomain()))
    heads = distinct(head for name in domains for head in facts[name])
    rows = [
        [word(head, "name"), *(word(facts[name].get(head)) for name in domains)]
        for head in heads
    ]
    columns = [Column(name, numeric=False) for name in ("Fact", *domains)]
    return Table(
        "Each domain: one value where all scans have it, else lowest / median / "
        "highest.",
        columns,
        rows,
    )


def _facts(identities: Sequence[Identity]) -> dict[str, str]:
    """The facts of a domain that the tables hold, by their heads."""
    texts = [identity.texts for identity in identities]
    facts = {_head(name): _names(text[name] for text in texts) for name in _WORDS}
    for name in _NUMBERS:
        facts[_head(name)] = describe_range(map(_parse, (t[name] for t in texts)))
    spacings = [_parse_triple(text["spacing"]) for text in texts]
    for axis, letter in enumerate(_AXES):
        values = (triple[axis] for triple in spacings if triple)
        facts[f"Spacing along {letter} (mm)"] = describe_range(values)
    return {head: text for head, text in facts.items() if text}


def _measured_facts(measured: MeasuredDomain) -> dict[str, str]:
    """The facts of a domain that its volumes hold, by their heads."""
    facts = {
        f"Voxels along {letter}": describe_range(
            float(matrix[axis]) for matrix in measured.matrix
        )
        for axis, letter in enumerate(_AXES)
    }
    for method, ranges in measured.intensities.items():
        when = f"after {method}" if method else "as acquired"
        for percentile, values in ranges.items():
            facts[f"Intensity, {percentile}, {when}"] = describe_range(values)
    return {head: text for head, text in facts.items() if text}


def describe_range(values: Iterable[float]) -> str:
    """Lowest, median and highest of the values that are finite; one if all are equal.

    Examples:
        >>> describe_range([3.0, 1.5, 1.5]), describe_range([2.0, 2.0])
        ('1.5 / 1.5 / 3', '2')
        >>> describe_range([float("nan")])
        ''
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    texts = [f"{value:.4g}" for value in (min(known), median(known), max(known))]
    return texts[0] if texts[0] == texts[2] else " / ".join(texts)


def _names(texts: Iterable[str]) -> str:
    """Different texts in few words."""
    different = sorted({text for text in texts if text})
    shown = ", ".join(different[:_MOST_NAMES])
    more = len(different) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _head(name: str) -> str:
    """A column's name as words, with its unit."""
    unit = f" ({IDENTITY_UNITS[name]})" if name in IDENTITY_UNITS else ""
    return name.replace("_", " ").capitalize() + unit


def _parse(text: str) -> float:
    """The number that a text is; not-a-number if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _parse_triple(text: str) -> tuple[float, ...] | None:
    """Three numbers with an x between them."""
    numbers = tuple(map(_parse, text.split("x")))
    return numbers if len(numbers) == len(_AXES) else None


def measure_domains(
    findings: ReportFindings, volumes: Mapping[str, Scan], harmonized: Path | None
) -> dict[str, MeasuredDomain]:
    """Read some scans of each domain, as acquired and after each intensity method.

    Args:
        findings: the tables.
        volumes: the usable scans by id.
        harmonized: folder of all harmonized scans, if there is one.
    """
    folders = _find_harmonized(findings, harmonized) if harmonized else {}
    scans_of: dict[str, list[Scan]] = {}
    for scan, domain in sorted(findings.domain_of.items()):
        if scan in volumes:
            scans_of.setdefault(domain, []).append(volumes[scan])
    return {
        domain: _measure_domain(_choose_some(scans), folders)
        for domain, scans in scans_of.items()
    }


def _find_harmonized(findings: ReportFindings, harmonized: Path) -> dict[str, Path]:
    """Folder of the scans after each method, by the map of the first pooled split."""
    first = min(findings.splits, key=lambda row: row.design != "pooled").split
    methods = distinct(variant.intensity for variant in findings.variants)
    return {name: harmonized / name / map_of(name, first) for name in methods}


def _measure_domain(
    scans: Sequence[Scan], folders: Mapping[str, Path]
) -> MeasuredDomain:
    """Measure the readable ones of some scans."""
    images = list(_read_all([scan.image for scan in scans]))
    intensities = {"": _gather(images)}
    for method, folder in folders.items():
        paths = [harmonized_paths(folder, scan.scan)[0] for scan in scans]
        after = _read_all([path for path in paths if path.exists()])
        if ranges := _gather(after):
            intensities[method] = ranges
    return MeasuredDomain([image.grid for image in images], intensities)


def _read_all(paths: Sequence[Path]) -> Iterator[Volume]:
    """The volumes that can be read."""
    for path in paths:
        try:
            yield read_volume(require_unchanged(path))
        except ScanError as error:
            _log.warning("%s", error)


def _gather(images: Iterable[Volume]) -> Ranges:
    """Percentiles of each scan, by their names."""
    ranges: Ranges = {}
    for image in images:
        for percentile, value in zip(PERCENTILES, _measure(image.array), strict=True):
            ranges.setdefault(f"{percentile} % below", []).append(float(value))
    return ranges


def _measure(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """Percentiles of all voxels of the first channel that are finite."""
    voxels = array[0].ravel()
    sample = voxels[:: -(-voxels.size // _VOXELS)].astype(np.float64)
    finite = sample[np.isfinite(sample)]
    if not finite.size:
        return np.full(len(PERCENTILES), math.nan)
    return np.asarray(np.percentile(finite, PERCENTILES), dtype=np.float64)


def _choose_some(scans: Sequence[Scan]) -> list[Scan]:
    """At even distances among all."""
    count = min(len(scans), SCANS_MEASURED)
    return [scans[index * len(scans) // count] for index in range(count)]


def is_known(table: Table) -> bool:
    """Whether a table says anything of any domain."""
    return any(cell.text != ABSENT for row in table.rows for cell in row[1:])
