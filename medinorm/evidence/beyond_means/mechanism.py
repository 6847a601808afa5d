r"""What norms do inside of networks, over the networks of each variant.

Two descriptions, from the tables beside predictions: how far features of domains lie
apart before and after each normalization layer (mean and range over networks), and how
often a linear probe reads the domain of a scan from the bottleneck.

The balanced accuracy of the probe is the mean over domains of the share of its scans
whose domain was guessed; networks are averaged for each subject, as they share its
scans. The interval is Wilson's for the number of subjects that such a mean is worth,

.. math:: n = \Bigl(\frac{1}{D^2} \sum_d \frac{1}{n_d}\Bigr)^{-1}

with :math:`n_d` subjects on domain d: with few subjects it is wide, also where all
guesses are right.

References:
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA
    1927, doi:10.1080/01621459.1927.10502953.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from scipy import stats

from medinorm.files.records import read_records, write_records
from medinorm.records.beyond_means import (
    DomainProbeRow,
    FeatureDriftRow,
    LayerDriftRow,
    ProbeRow,
    drift_path,
    probe_path,
)
from medinorm.records.scans import SplitRow
from medinorm.variant import Variant

Group = tuple[Variant, str]  # variant, design


def write_mechanism(
    folder: Path,
    predicted: Sequence[Path],
    roles: Sequence[SplitRow],
    confidence: float,
) -> None:
    """Write `drift.tsv` and `probe.tsv`.

    Args:
        folder: where to.
        predicted: status tables of predict; what was measured lies beside them. Of
            earlier versions nothing does.
        roles: rows of `splits.tsv`.
        confidence: level of the intervals.

    Raises:
        StageError: a table is damaged.
    """
    drift = (row for path in map(drift_path, predicted) for row in _read(path))
    probes = [
        row
        for path in map(probe_path, predicted)
        if path.exists()
        for row in read_records(path, ProbeRow)
    ]
    write_records(folder / "drift.tsv", tabulate_drift(drift, roles), FeatureDriftRow)
    write_records(
        folder / "probe.tsv",
        tabulate_probe(probes, roles, confidence),
        DomainProbeRow,
    )


def tabulate_drift(
    rows: Iterable[LayerDriftRow], roles: Sequence[SplitRow]
) -> Iterator[FeatureDriftRow]:
    """Two rows for each layer of each variant and design.

    Args:
        rows: of single networks.
        roles: rows of `splits.tsv`.
    """
    design_of = {row.split: row.design for row in roles}
    groups: dict[tuple[Variant, str, int, str], list[LayerDriftRow]] = defaultdict(list)
    for row in rows:
        if row.split in design_of:
            key = row.variant, design_of[row.split], row.layer, row.side
            groups[key].append(row)
    for variant, design, layer, side in sorted(groups):
        own = groups[variant, design, layer, side]
        shifts = [row.shift for row in own]
        yield FeatureDriftRow(
            variant=variant,
            design=design,
            layer=layer,
            channels=own[0].channels,
            side=own[0].side,
            networks=len(own),
            shift=fmean(shifts),
            shift_low=min(shifts),
            shift_high=max(shifts),
            scale=fmean(row.scale for row in own),
        )


def tabulate_probe(
    rows: Iterable[ProbeRow], roles: Sequence[SplitRow], confidence: float
) -> Iterator[DomainProbeRow]:
    """One row for each variant and design.

    Args:
        rows: of single networks and scans.
        roles: rows of `splits.tsv`.
        confidence: level of the intervals.
    """
    design_of = {row.split: row.design for row in roles}
    subject_of = {row.scan: row.subject for row in roles}
    groups: dict[Group, list[ProbeRow]] = defaultdict(list)
    for row in rows:
        if row.split in design_of and row.scan in subject_of:
            groups[row.variant, design_of[row.split]].append(row)
    for variant, design in sorted(groups):
        own = groups[variant, design]
        shares = _share_by_subject(own, subject_of)
        counts = [len(of_domain) for of_domain in shares.values()]
        accuracy = fmean(fmean(of_domain) for of_domain in shares.values())
        size = len(counts) ** 2 / sum(1 / n for n in counts)
        low, high = bound_share(accuracy, size, confidence)
        yield DomainProbeRow(
            variant=variant,
            design=design,
            networks=len({(row.split, row.seed) for row in own}),
            domains=len(counts),
            scans=len({row.scan for row in own}),
            subjects=len({subject_of[row.scan] for row in own}),
            accuracy=accuracy,
            accuracy_low=low,
            accuracy_high=high,
            chance=1 / len(counts),
        )


def bound_share(share: float, size: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share.

    Args:
        share: the share, 0 to 1.
        size: how many independent units it rests on; may be a fraction.
        confidence: level of the interval.

    Examples:
        >>> [round(end, 3) for end in bound_share(1.0, 9, 0.95)]
        [0.701, 1.0]
    """
    z = float(stats.norm.isf((1 - confidence) / 2))
    centre = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z * np.sqrt(share * (1 - share) / size + z**2 / (4 * size**2))
    reach = float(reach) / (1 + z**2 / size)
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def _share_by_subject(
    rows: Iterable[ProbeRow], subject_of: Mapping[str, str]
) -> dict[str, list[float]]:
    """By domain, the share of right guesses of each of its subjects."""
    hits: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        hits[row.domain][subject_of[row.scan]].append(row.guess == row.domain)
    return {
        domain: [fmean(own) for own in of_subjects.values()]
        for domain, of_subjects in hits.items()
    }


def _read(path: Path) -> list[LayerDriftRow]:
    """The rows of a table of drift that need not exist."""
    return read_records(path, LayerDriftRow) if path.exists() else []
