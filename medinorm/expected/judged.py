"""The table of what is expected of new scans."""

import logging
from collections.abc import Iterable
from pathlib import Path

from medinorm.expected.records import JudgedScanRow
from medinorm.files.atomic import read_json
from medinorm.files.records import write_records
from medinorm.files.sidecars import sidecar_path

JUDGED = "expected.tsv"
JUDGED_FACT = "expected"  # in the sidecar of a label map

_log = logging.getLogger(__name__)


def write_judged(table: Path, outputs: Iterable[Path]) -> None:
    """Write the table, and say which scans are flagged.

    Args:
        table: to write.
        outputs: label maps with sidecars.
    """
    rows = [
        JudgedScanRow(**read_json(sidecar_path(output))[JUDGED_FACT])
        for output in outputs
    ]
    write_records(table, rows, JudgedScanRow)
    for row in rows:
        if row.flagged:
            _log.warning("%s is flagged: %s", row.scan, row.reasons)
