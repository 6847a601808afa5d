"""What `fetch` asks of a PACS, whatever protocol it speaks."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from medinorm.ingest.dicom.files import quiet_reading

# Called with the UID of each file that arrives and its bytes, as DICOM stores them.
Keep = Callable[[str, bytes], None]

_TALKATIVE = ("dicomweb_client", "pynetdicom", "urllib3", "requests")


@dataclass(frozen=True)
class Asked:
    """Which DICOM studies are asked for; an empty value matches any.

    Args:
        patient: the patient's number.
        study: UID of one DICOM study.
        dates: range of days, ``YYYYMMDD-YYYYMMDD``.
        modality: what at least one of its series was made with.
    """

    patient: str = ""
    study: str = ""
    dates: str = ""
    modality: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """The same as DICOM elements."""
        return {
            "PatientID": self.patient,
            "StudyInstanceUID": self.study,
            "StudyDate": self.dates,
            "ModalitiesInStudy": self.modality,
        }


@dataclass(frozen=True)
class DicomStudy:
    """One DICOM study on a PACS; everything in it may identify a person.

    Args:
        uid: its UID.
        patient: the patient's number.
        date: its day, YYYYMMDD.
    """

    uid: str
    patient: str
    date: str


@dataclass(frozen=True)
class Series:
    """One series on a PACS.

    Args:
        study: UID of its DICOM study.
        uid: its UID.
        modality: what made it.
        description: the words of the scanner's operator.
    """

    study: str
    uid: str
    modality: str
    description: str


class Archive(Protocol):
    """A PACS. All methods raise `FetchError` when it refuses or does not answer."""

    def find_studies(self, asked: Asked) -> list[DicomStudy]:
        """DICOM studies that were asked for, and others where keys are not known."""

    def find_series(self, study: str) -> list[Series]:
        """The series of a DICOM study."""

    def find_files(self, series: Series) -> set[str]:
        """UIDs of the files of a series."""

    def download(self, series: Series, keep: Keep) -> None:
        """Give each file of a series to `keep`."""


@contextmanager
def silence() -> Iterator[None]:
    """Stop log lines of the libraries that talk to a PACS: they hold identifiers."""
    with ExitStack() as restored:
        restored.enter_context(quiet_reading())
        restored.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            restored.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.CRITICAL + 1)
        yield
