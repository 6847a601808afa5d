"""A PACS that speaks DICOMweb: QIDO-RS to search, WADO-RS to retrieve (PS3.18)."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests
from dicomweb_client import DICOMwebClient
from pydicom.datadict import tag_for_keyword
from requests.utils import get_netrc_auth

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.files.machine import DISK_ERRORS
from medinorm.ingest.pacs.archive import Asked, DicomStudy, Keep, Series

USER, PASSWORD, TOKEN = (
    f"MEDINORM_PACS_{name}" for name in ("USER", "PASSWORD", "TOKEN")
)

_STORED = (("application/dicom", "*"),)  # as it is stored, not decompressed
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_ATTEMPTS = 2  # one retry: answers such as 503 are often temporary

_NO_SERVICE = "there is no DICOMweb service; check input.pacs.url"
# The first kind that fits.
_MEANINGS: tuple[tuple[type[Exception], str], ...] = (
    (
        requests.exceptions.SSLError,
        "the certificate of the PACS is not trusted; name that of its authority in "
        "REQUESTS_CA_BUNDLE",
    ),
    (
        requests.Timeout,
        "the PACS does not answer in time; try later, or raise input.pacs.timeout",
    ),
    (requests.exceptions.JSONDecodeError, _NO_SERVICE),
    (
        OSError,  # all others of `requests`, too
        "the PACS cannot be reached, or the connection broke; check input.pacs.url, "
        "and run again",
    ),
)

_Record = Mapping[str, Mapping[str, Any]]


class DicomWeb:
    """An `Archive` behind HTTP.

    Args:
        pacs: where it is.

    Raises:
        StageError: there is a password, and the connection could be overheard.
    """

    def __init__(self, pacs: PacsConfig) -> None:
        url = str(pacs.url).rstrip("/")
        self._client = DICOMwebClient(
            url,
            session=_open_session(url),
            permissive_uid=True,
            timeout=float(pacs.timeout),
        )
        self._client.set_http_retry_params(
            max_attempts=_ATTEMPTS, wait_exponential_multiplier=500
        )

    def find_studies(self, asked: Asked) -> list[DicomStudy]:
        """DICOM studies that were asked for, and others where keys are not known."""
        filters = {key: value for key, value in asked.keys.items() if value}

        def ask(offset: int) -> list[_Record]:
            records: list[_Record] = self._client.search_for_studies(
                search_filters=filters, offset=offset
            )
            return records

        return [
            DicomStudy(uid, _text(record, "PatientID"), _text(record, "StudyDate"))
            for uid, record in _pages(ask, "StudyInstanceUID")
        ]

    def find_series(self, study: str) -> list[Series]:
        """The series of a DICOM study."""

        def ask(offset: int) -> list[_Record]:
            records: list[_Record] = self._client.search_for_series(
                study, fields=["SeriesDescription"], offset=offset
            )
            return records

        return [
            Series(
                study,
                uid,
                _text(record, "Modality"),
                _text(record, "SeriesDescription"),
            )
            for uid, record in _pages(ask, "SeriesInstanceUID")
        ]

    def find_files(self, series: Series) -> set[str]:
        """UIDs of the files of a series."""

        def ask(offset: int) -> list[_Record]:
            records: list[_Record] = self._client.search_for_instances(
                series.study, series.uid, offset=offset
            )
            return records

        return {uid for uid, _ in _pages(ask, "SOPInstanceUID")}

    def download(self, series: Series, keep: Keep) -> None:
        """Give each file of a series to `keep`."""
        with _explained():
            for dataset in self._client.iter_series(
                series.study, series.uid, media_types=_STORED
            ):
                stream = BytesIO()
                dataset.save_as(stream, enforce_file_format=True)
                keep(str(dataset.SOPInstanceUID), stream.getvalue())


def _pages(
    ask: Callable[[int], list[_Record]], key: str
) -> Iterator[tuple[str, _Record]]:
    """All results, page by page; each once, as some servers ignore the page."""
    seen: set[str] = set()
    while True:
        with _explained():
            page = {_text(record, key): record for record in ask(len(seen))}
        new = page.keys() - seen - {""}
        if not new:
            return
        yield from ((uid, page[uid]) for uid in sorted(new))
        seen |= new


def _text(record: _Record, keyword: str) -> str:
    """The first value of an element in DICOM JSON as text."""
    element = record.get(f"{tag_for_keyword(keyword):08X}", {})
    values = element.get("Value") or [""]
    return str(values[0]).strip(" \0")


def _open_session(url: str) -> requests.Session:
    """A session with the credentials of the environment or of `~/.netrc`."""
    session = requests.Session()
    token, user = os.environ.get(TOKEN), os.environ.get(USER)
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    elif user:
        session.auth = user, os.environ.get(PASSWORD, "")
    parts = urlsplit(url)
    secret = token or user or get_netrc_auth(url)
    if secret and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise StageError(
            "a password would go to the PACS unencrypted; give an https address in "
            "input.pacs.url"
        )
    return session


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of the connection into one line without addresses.

    Raises:
        FetchError: anything but a full disk went wrong.
    """
    try:
        yield
    except Exception as error:  # libraries raise anything, and the text may name it
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        raise FetchError(_problem(error)) from None


def _problem(error: Exception) -> str:
    """What an exception means to a user."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _refusal(error.response.status_code)
    for kind, meaning in _MEANINGS:
        if isinstance(error, kind):
            return meaning
    return "the PACS sends what is no DICOM; tell its support"


def _refusal(code: int) -> str:
    """What a status code of HTTP means here."""
    if code in {401, 403}:
        return (
            f"the PACS refuses the credentials ({code}); set {USER} and {PASSWORD}, or "
            f"{TOKEN}"
        )
    if code in {404, 405}:
        return _NO_SERVICE
    return f"the PACS refuses or fails ({code}); try later, or ask its support"
