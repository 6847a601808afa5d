"""Tables of small studies, and the split stage on them."""

from medinorm.config import SplitConfig
from medinorm.files.records import write_records
from medinorm.files.tables import read_table, write_table
from medinorm.records.scans import ExcludedRow
from medinorm.split.stage import split_scans

COLUMNS = ("scan", "subject", "session", "scanner", "cohort")


def run_split(folder, rows, before=(), **settings):
    scans, by_ingest = folder / "scans.tsv", folder / "by_ingest.tsv"
    label = ("label",) if any("label" in row for row in rows) else ()
    write_table(scans, rows, (*COLUMNS, *label))
    write_records(by_ingest, before, ExcludedRow)
    out = folder / "splits.tsv", folder / "excluded.tsv"
    # Small domains keep two test subjects, which a ranking needs.
    halves = {"folds": 2} if settings.get("test_folds", 1) == 1 else {}
    split_scans(scans, by_ingest, *out, settings=SplitConfig(**halves | settings))
    return read_table(out[0]), read_table(out[1])


def study(**subjects):
    return [
        {"scan": f"{scanner}-{n}", "subject": f"{scanner}{n}", "scanner": scanner}
        for scanner, count in subjects.items()
        for n in range(count)
    ]
