"""Downloads from a PACS the series that a query finds, into the private folder."""

import logging
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.files.tables import Row, read_table
from medinorm.ingest.deidentify.pseudonyms import (
    Pseudonyms,
    close_to_others,
    open_pseudonyms,
)
from medinorm.ingest.pacs.archive import Archive, Asked, Series, Study, silence
from medinorm.jobs.shards import State, run_items

FETCHED_NAME = "fetched.tsv"
FETCHED_COLUMNS = ("series", "state", "reason", "modality", "files")
SERIES_FOLDER = "series"

_PARTIAL = "partial"
_GIVE_UP = 5  # failures in a row: nothing comes any more
_LENGTH = 16  # characters of a pseudonym that names a file or folder
_OURS = re.compile(f"[a-z2-7]{{{_LENGTH}}}")
_KEYS = ("patient_id", "study_uid", "series_uid")
_WILDCARDS = frozenset("*?\\")
_DRAWINGS = frozenset({"SEG", "RTSTRUCT"})

_log = logging.getLogger(__name__)


def fetch_series(
    folder: Path, *, private: Path = Path("private"), pacs: PacsConfig
) -> None:
    r"""Download the series that match the query; those already complete are kept.

    Writes one folder for each series below `folder`\ ``/series``, with names that say
    nothing, and `FETCHED_NAME`. A series appears whole or not at all: each file that
    the PACS lists is there. Series that match no more are deleted.

    Args:
        folder: private folder to write to; only its owner may enter it.
        private: folder of the pseudonym key.
        pacs: where and what to ask.

    Raises:
        StageError: the PACS cannot be asked, nothing matches, or a series did not
            arrive. Another call goes on where this one stopped.
    """
    pseudonyms = open_pseudonyms(private)
    close_to_others(folder)
    wanted = _read_query(pacs.query)
    with silence(), _open(pacs) as archive:
        try:
            found = _find(archive, wanted, pacs)
        except FetchError as error:
            raise StageError(str(error)) from None
        job = _Job(archive, folder, pseudonyms, found)
        rows: list[Row] = [
            {"series": name, "modality": series.modality}
            for name, series in sorted(job.series.items())
        ]
        _forget(folder / SERIES_FOLDER, job.series.keys())
        done = run_items(
            rows,
            job.fetch,
            folder / FETCHED_NAME,
            title="fetch",
            columns=FETCHED_COLUMNS,
        )
    shutil.rmtree(folder / _PARTIAL, ignore_errors=True)
    failed = [row for row in done if row["state"] == "failed"]
    if failed:
        raise StageError(
            f"{len(failed)} of {len(done)} series did not arrive "
            f"({failed[0]['reason']}); run again, the others are kept"
        )


@dataclass
class _Job:
    """All series to fetch.

    Args:
        archive: the PACS.
        folder: where to write.
        pseudonyms: names of files and folders.
        found: what is to be fetched.
    """

    archive: Archive
    folder: Path
    pseudonyms: Pseudonyms
    found: Sequence[Series]
    series: Mapping[str, Series] = field(init=False)
    in_a_row: int = 0  # series that failed one after the other

    def __post_init__(self) -> None:
        self.series = {self._name(series.uid): series for series in self.found}

    def fetch(self, row: Row) -> State:
        """Download one series, unless it is there; the row gets its number of files."""
        if self.in_a_row >= _GIVE_UP:
            raise FetchError("not tried, because those before it failed; run again")
        self.in_a_row += 1
        state = self._fetch(row)
        self.in_a_row = 0
        return state

    def _fetch(self, row: Row) -> State:
        """The same, however many failed before."""
        series = self.series[row["series"]]
        target = self.folder / SERIES_FOLDER / row["series"]
        listed = self.archive.find_files(series)
        if not listed:
            raise FetchError("the PACS lists no files of this series; ask its support")
        row["files"] = str(len(listed))
        wanted = {uid: f"{self._name(uid)}.dcm" for uid in listed}
        if target.is_dir() and {path.name for path in target.iterdir()} == set(
            wanted.values()
        ):
            return "current"
        self._download(series, wanted, target)
        return "made"

    def _download(
        self, series: Series, wanted: Mapping[str, str], target: Path
    ) -> None:
        """Download the files of one series, then move all of them to `target`."""
        partial = self.folder / _PARTIAL / target.name
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        arrived = set()

        def keep(uid: str, content: bytes) -> None:
            if uid in wanted:
                (partial / wanted[uid]).write_bytes(content)
                arrived.add(uid)

        self.archive.download(series, keep)
        if missing := len(wanted) - len(arrived):
            raise FetchError(
                f"{missing} of {len(wanted)} files of this series did not arrive; run "
                "again"
            )
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        partial.rename(target)

    def _name(self, uid: str) -> str:
        """What a file or folder is called."""
        return self.pseudonyms.name("fetched", uid, length=_LENGTH)


def _open(pacs: PacsConfig) -> AbstractContextManager[Archive]:
    """The PACS in the protocol it speaks, whose library is only now imported."""
    try:
        if pacs.protocol == "dicomweb":
            from medinorm.ingest.pacs.dicomweb import DicomWeb  # noqa: PLC0415

            return nullcontext(DicomWeb(pacs))
        from medinorm.ingest.pacs.dimse import open_dimse  # noqa: PLC0415
    except ImportError:
        raise StageError(
            'fetching needs further packages: pip install "medinorm[pacs]"'
        ) from None
    return open_dimse(pacs)


def _read_query(path: Path | None) -> list[Row]:
    """What to ask for, line by line; without a table one line that asks for all.

    Messages name the line and not its text, which is an identifier.

    Raises:
        StageError: the table is missing or empty, or a line asks for more than one.
    """
    if path is None:
        return [dict.fromkeys(_KEYS, "")]
    rows = read_table(path)
    if not rows or not set(rows[0]) & set(_KEYS[:2]):
        raise StageError(
            "input.pacs.query: needs a column patient_id or study_uid, and lines"
        )
    lines = [{key: row.get(key, "") for key in _KEYS} for row in rows]
    for number, line in enumerate(lines, start=1):
        if not (line["patient_id"] or line["study_uid"]):
            problem = "names no patient and no study"
        elif _WILDCARDS & set("".join(line.values())):
            problem = "has a wildcard; name each patient and study in full"
        else:
            continue
        raise StageError(f"input.pacs.query: entry {number} {problem}")
    return lines


def _find(archive: Archive, wanted: Sequence[Row], pacs: PacsConfig) -> list[Series]:
    """The series that the query is about, each once.

    Raises:
        FetchError: the PACS does not answer.
        StageError: there is none.
    """
    found: dict[str, Series] = {}
    empty = 0
    for line in wanted:
        series = list(_find_line(archive, line, pacs))
        found |= {item.uid: item for item in series}
        empty += not series
    if not found:
        raise StageError(
            "the PACS has no series that fits; check input.pacs.query, modality, dates "
            "and description"
        )
    if empty:
        _log.warning("%d of %d lines of the query find nothing", empty, len(wanted))
    return list(found.values())


def _find_line(archive: Archive, line: Row, pacs: PacsConfig) -> Iterator[Series]:
    """The series that one line of the query is about.

    What comes back is compared with what was asked for: a PACS may leave out keys that
    it does not know, and then finds everything.
    """
    dates = "-".join(pacs.dates or ())
    studies = {
        study.uid
        for modality in pacs.modality
        for study in archive.find_studies(
            Asked(line["patient_id"], line["study_uid"], dates, modality)
        )
        if _fits(study, line, pacs)
    }
    for uid in sorted(studies):
        series = archive.find_series(uid)
        images = [item for item in series if _is_wanted(item, line, pacs)]
        yield from images
        if images and pacs.drawings:
            yield from (item for item in series if item.modality in _DRAWINGS)


def _fits(study: Study, line: Row, pacs: PacsConfig) -> bool:
    """Whether a DICOM study is one that was asked for."""
    first, last = pacs.dates or ("", "")
    return (
        (not line["patient_id"] or study.patient == line["patient_id"])
        and (not line["study_uid"] or study.uid == line["study_uid"])
        and (not pacs.dates or first <= study.date <= last)
    )


def _is_wanted(series: Series, line: Row, pacs: PacsConfig) -> bool:
    """Whether a series has the images that were asked for."""
    pattern = re.compile(pacs.description or "", re.IGNORECASE)
    return (
        series.modality in pacs.modality
        and (not line["series_uid"] or series.uid == line["series_uid"])
        and pattern.search(series.description) is not None
    )


def _forget(folder: Path, names: Collection[str]) -> None:
    """Delete series that match no more, such as those of a withdrawn patient."""
    for path in folder.glob("*"):
        if path.name not in names and _OURS.fullmatch(path.name):
            shutil.rmtree(path)
