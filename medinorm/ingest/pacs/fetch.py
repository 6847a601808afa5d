"""Downloads from a PACS the series that a query finds, into the private folder."""

import logging
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.files.records import column_names
from medinorm.files.user_tables import present, read_user_table
from medinorm.ingest.deidentify.pseudonyms import (
    Pseudonyms,
    close_to_others,
    open_pseudonyms,
)
from medinorm.ingest.pacs.archive import Archive, Asked, DicomStudy, Series, silence
from medinorm.jobs.declare import stage
from medinorm.jobs.shards import Done, Failed, run_items
from medinorm.records.status import Outcome, outcome_of, reason_of, value_of

FETCHED_NAME = "fetched.tsv"
SERIES_FOLDER = "series"

_PARTIAL = "partial"
_GIVE_UP = 5  # failures in a row after which no more series are tried
_LENGTH = 16  # characters of a pseudonym that names a file or folder
_OURS = re.compile(f"[a-z2-7]{{{_LENGTH}}}")
_WILDCARDS = frozenset("*?\\")
_ANNOTATIONS = frozenset({"SEG", "RTSTRUCT"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QueryLine:
    """One line of the query; an empty value matches any.

    Args:
        patient_id: the patient's number.
        study_uid: UID of one DICOM study.
        series_uid: UID of one of its series.
    """

    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""

    @property
    def texts(self) -> str:
        """All that it says."""
        return self.patient_id + self.study_uid + self.series_uid


@dataclass(frozen=True)
class FetchItem:
    """One series to fetch, and what its folder is called."""

    name: str
    series: Series


@dataclass(frozen=True)
class FetchStatus:
    """How the download of one series ended: one row of `FETCHED_NAME`.

    Args:
        series: what its folder is called.
        state: whether it is there.
        reason: why not.
        modality: what made it.
        files: how many there are of it.
    """

    series: str
    state: Outcome
    reason: str | None
    modality: str
    files: int | None

    @classmethod
    def of(cls, item: FetchItem, end: Done[int] | Failed) -> Self:
        """The row of a series whose download ended in this way."""
        return cls(
            series=item.name,
            state=outcome_of(end),
            reason=reason_of(end),
            modality=item.series.modality,
            files=value_of(end),
        )


@stage("fetch", after="demo")
def fetch_series(
    folder: Path, *, private: Path = Path("private"), pacs: PacsConfig
) -> None:
    r"""Download the series that match the query; those already complete are kept.

    Writes one folder for each series below `folder`\ ``/series``, named by
    pseudonyms, and `FETCHED_NAME`. A series appears whole or not at all: each file that
    the PACS lists is there. Series that no longer match are deleted.

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
            matches = _find(archive, wanted, pacs)
        except FetchError as error:
            raise StageError(str(error)) from None
        job = _Job(archive, folder, pseudonyms)
        named = {job.name_of(series.uid): series for series in matches}
        _remove_unwanted(folder / SERIES_FOLDER, named.keys())
        ended = run_items(
            [FetchItem(name, named[name]) for name in sorted(named)],
            job.fetch,
            folder / FETCHED_NAME,
            title="fetch",
            record=FetchStatus,
        )
    shutil.rmtree(folder / _PARTIAL, ignore_errors=True)
    failed = [end for _, end in ended if isinstance(end, Failed)]
    if failed:
        raise StageError(
            f"{len(failed)} of {len(ended)} series did not arrive "
            f"({failed[0].reason}); run again, the others are kept"
        )


@dataclass
class _Job:
    """What all series of a job share.

    Args:
        archive: the PACS.
        folder: where to write.
        pseudonyms: names of files and folders.
        failures: series that failed one after the other.
    """

    archive: Archive
    folder: Path
    pseudonyms: Pseudonyms
    failures: int = 0

    def fetch(self, item: FetchItem) -> Done[int]:
        """Download one series, unless it is there; how many files it has."""
        if self.failures >= _GIVE_UP:
            raise FetchError("not tried, because those before it failed; run again")
        self.failures += 1
        done = self._fetch(item)
        self.failures = 0
        return done

    def _fetch(self, item: FetchItem) -> Done[int]:
        """The same, however many failed before."""
        target = self.folder / SERIES_FOLDER / item.name
        listed = self.archive.find_files(item.series)
        if not listed:
            raise FetchError("the PACS lists no files of this series; ask its support")
        wanted = {uid: f"{self.name_of(uid)}.dcm" for uid in listed}
        if target.is_dir() and {path.name for path in target.iterdir()} == set(
            wanted.values()
        ):
            return Done("current", len(listed))
        self._download(item.series, wanted, target)
        return Done("made", len(listed))

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

    def name_of(self, uid: str) -> str:
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


def _read_query(path: Path | None) -> list[QueryLine]:
    """What to ask for, line by line; without a table one line that asks for all.

    Messages name the line and not its text, which is an identifier.

    Raises:
        StageError: the table is missing or empty, or a line asks for more than one.
    """
    if path is None:
        return [QueryLine()]
    rows = read_user_table(path, called="input.pacs.query")
    if not rows or not {"patient_id", "study_uid"} & set(rows[0].cells):
        raise StageError(
            "input.pacs.query: needs a column patient_id or study_uid, and lines"
        )
    keys = column_names(QueryLine)
    lines = [
        QueryLine(*(present(row.cells.get(key, "")) for key in keys)) for row in rows
    ]
    for number, (row, line) in enumerate(zip(rows, lines, strict=True), start=1):
        if row.problem:
            problem = f"cannot be read: {row.problem}"
        elif not (line.patient_id or line.study_uid):
            problem = "names no patient and no study"
        elif _WILDCARDS & set(line.texts):
            problem = "has a wildcard; name each patient and study in full"
        else:
            continue
        raise StageError(f"input.pacs.query: entry {number} {problem}")
    return lines


def _find(
    archive: Archive, wanted: Sequence[QueryLine], pacs: PacsConfig
) -> list[Series]:
    """The series that the query is about, each once.

    Raises:
        FetchError: the PACS does not answer.
        StageError: there is none.
    """
    by_uid: dict[str, Series] = {}
    empty = 0
    for line in wanted:
        series = list(_find_line(archive, line, pacs))
        by_uid |= {item.uid: item for item in series}
        empty += not series
    if not by_uid:
        raise StageError(
            "the PACS has no series that fits; check input.pacs.query, modality, dates "
            "and description"
        )
    if empty:
        _log.warning("%d of %d lines of the query find nothing", empty, len(wanted))
    return list(by_uid.values())


def _find_line(archive: Archive, line: QueryLine, pacs: PacsConfig) -> Iterator[Series]:
    """The series that one line of the query is about.

    What comes back is compared with what was asked for: a PACS may leave out keys that
    it does not know, and then finds everything.
    """
    dates = "-".join(pacs.dates or ())
    studies = {
        study.uid
        for modality in pacs.modality
        for study in archive.find_studies(
            Asked(line.patient_id, line.study_uid, dates, modality)
        )
        if _fits(study, line, pacs)
    }
    for uid in sorted(studies):
        series = archive.find_series(uid)
        images = [item for item in series if _is_wanted(item, line, pacs)]
        yield from images
        if images and pacs.annotations:
            yield from (item for item in series if item.modality in _ANNOTATIONS)


def _fits(study: DicomStudy, line: QueryLine, pacs: PacsConfig) -> bool:
    """Whether a DICOM study is one that was asked for."""
    first, last = pacs.dates or ("", "")
    return (
        (not line.patient_id or study.patient == line.patient_id)
        and (not line.study_uid or study.uid == line.study_uid)
        and (not pacs.dates or first <= study.date <= last)
    )


def _is_wanted(series: Series, line: QueryLine, pacs: PacsConfig) -> bool:
    """Whether a series has the images that were asked for."""
    pattern = re.compile(pacs.description or "", re.IGNORECASE)
    return (
        series.modality in pacs.modality
        and (not line.series_uid or series.uid == line.series_uid)
        and pattern.search(series.description) is not None
    )


def _remove_unwanted(folder: Path, names: Collection[str]) -> None:
    """Delete series that no longer match, such as those of a withdrawn patient."""
    for path in folder.glob("*"):
        if path.name not in names and _OURS.fullmatch(path.name):
            shutil.rmtree(path)
