"""The table has a row for each scan, and flagged ones are said aloud."""

import logging
from dataclasses import asdict

from medinorm.expected.judged import JUDGED_FACT, write_judged
from medinorm.expected.records import JudgedScanRow
from medinorm.files.records import read_records
from medinorm.files.sidecars import Provenance, write_sidecar

GOOD = JudgedScanRow(
    "a", 0.8, 0.7, 0.9, 0.9, True, "ge", *(1.0, 2.0), *(None,) * 4, False, None
)
BAD = JudgedScanRow("b", *(None,) * 4, False, *(None,) * 7, True, "its domain is new")


def test_rows_come_from_the_sidecars(tmp_path, caplog):
    outputs = []
    for row in (GOOD, BAD):
        output = tmp_path / f"{row.scan}.nii.gz"
        output.write_bytes(b"")
        write_sidecar(output, Provenance({}, {}), {JUDGED_FACT: asdict(row)})
        outputs.append(output)
    with caplog.at_level(logging.WARNING):
        write_judged(tmp_path / "expected.tsv", outputs)
    assert read_records(tmp_path / "expected.tsv", JudgedScanRow) == [GOOD, BAD]
    assert caplog.messages == ["b is flagged: its domain is new"]
