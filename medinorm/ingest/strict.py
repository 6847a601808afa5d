"""`strict: true`: a study in which a scan was excluded fails in the end."""

from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.records import read_records
from medinorm.jobs.declare import stage
from medinorm.records.scans import ExcludedRow


@stage("strict", after="qc")
def require_all(excluded: Path) -> None:
    """Fail if any scan was excluded.

    Args:
        excluded: `excluded.tsv`.

    Raises:
        StageError: a scan was; the message names the first.
    """
    scans = [row for row in read_records(excluded, ExcludedRow) if row.scan]
    if scans:
        first = scans[0]
        raise StageError(
            f"{len(scans)} scans were excluded and strict is true; the first: "
            f"{first.scan} ({first.where}): {first.reason}"
        )
