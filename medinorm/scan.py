"""The columns of tables as tuples of names, for those who still read plain rows."""

from medinorm.files.records import column_names
from medinorm.records.scans import (
    IDENTITY_COLUMNS,
    AccountRow,
    ExcludedRow,
    Role,
    Scan,
    ScanRow,
    SplitRow,
    read_scans,
)
from medinorm.records.scores import ScoreRow

__all__ = [
    "ACCOUNT_COLUMNS",
    "EXCLUDED_COLUMNS",
    "IDENTITY_COLUMNS",
    "SCAN_COLUMNS",
    "SCORE_COLUMNS",
    "SPLIT_COLUMNS",
    "Role",
    "Scan",
    "read_scans",
]

SCAN_COLUMNS = column_names(ScanRow)[: -len(IDENTITY_COLUMNS)]
EXCLUDED_COLUMNS = column_names(ExcludedRow)
ACCOUNT_COLUMNS = column_names(AccountRow)
SPLIT_COLUMNS = column_names(SplitRow)
SCORE_COLUMNS = column_names(ScoreRow)
