"""The final split: all scans train, for the networks that are given away.

It is a table of its own. No other stage reads it but those that fit maps and train, so
that nothing is tested, scored or planned with networks that know every scan.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from medinorm.config import SplitConfig
from medinorm.errors import StageError
from medinorm.files.records import read_records, write_records
from medinorm.jobs.declare import stage
from medinorm.records.scans import FINAL, Role, SplitRow
from medinorm.split.domains import DomainScan
from medinorm.split.plan import Split
from medinorm.split.stage import choose_validation_subjects


@stage("final-split", after="split")
def write_final_split(splits: Path, final: Path, *, settings: SplitConfig) -> None:
    """Write the split in which all scans of the study train.

    Scans that only test and scans without a label map stay out of it. The share of
    subjects that select weights is that of the other splits.

    Args:
        splits: `splits.tsv`.
        final: table to write, with the columns of `splits.tsv`.
        settings: domains, designs and folds.

    Raises:
        StageError: no scan of the study trains.
    """
    rows = read_records(splits, SplitRow)
    if not any(row.role == "train" for row in rows):
        raise StageError(f"{splits.name}: no scan trains; there is no final split")
    write_records(final, final_roles(rows, settings), SplitRow)


def final_roles(rows: Sequence[SplitRow], settings: SplitConfig) -> Iterator[SplitRow]:
    """The rows of the final split.

    Args:
        rows: of all other splits.
        settings: the share of subjects that select weights, and the seed.
    """
    domains = frozenset(row.domain for row in rows if row.role == "train")
    scans = {
        row.scan: DomainScan(row.scan, row.subject, row.domain)
        for row in rows
        if row.role != "unlabelled" and row.domain in domains
    }
    nobody = -1  # no subject is in this fold: all may train
    whole = Split(FINAL, "pooled", nobody, domains)
    folds = {scan.subject: 0 for scan in scans.values()}
    every = [scans[name] for name in sorted(scans)]
    validating = choose_validation_subjects(every, whole, folds, settings)
    for scan in every:
        role: Role = "validation" if scan.subject in validating else "train"
        yield SplitRow(FINAL, FINAL, 0, scan.scan, scan.subject, scan.domain, role)
