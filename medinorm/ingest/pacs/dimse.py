"""A PACS that speaks DIMSE: C-FIND to search, C-GET or C-MOVE to retrieve (PS3.4 C)."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.ingest.dicom.files import text_of
from medinorm.ingest.dicom.object_classes import ANNOTATIONS, IMAGES
from medinorm.ingest.pacs.archive import Asked, DicomStudy, Keep, Series

_PENDING = frozenset({0xFF00, 0xFF01})
_DONE = frozenset({0x0000, 0xB000})  # B000: files are missing, which is noticed later
_UNKNOWN_DESTINATION = 0xA801
_NOT_AUTHORIZED = 0x0124
_NOT_KEPT = 0xA700

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# Compressed files come as they are stored, where the PACS offers that. All of these are
# lossless except JPEG and JPEG 2000, whose loss happened before they were stored.
_COMPRESSED = (
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.70",  # JPEG lossless
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.51",  # JPEG extended
)
_MOST_CONTEXTS = 127  # beside that of the query, PS3.8 9.3.2.2


@dataclass
class _Inbox:
    """Where files go that the PACS sends while a series is awaited."""

    keep: Keep | None = None
    failure: OSError | None = None

    def receive(self, event: evt.Event) -> int:
        """Take one file; returns the status for the PACS."""
        if self.keep is None or self.failure:
            return _NOT_AUTHORIZED
        try:
            uid = str(event.request.AffectedSOPInstanceUID)
            self.keep(uid, event.encoded_dataset())
        except OSError as error:  # a full disk: raised when the association is over
            self.failure = error
            return _NOT_KEPT
        return 0x0000

    @contextmanager
    def open(self, keep: Keep) -> Iterator[None]:
        """Take files for the time of the block.

        Raises:
            OSError: one could not be kept.
        """
        self.keep, self.failure = keep, None
        try:
            yield
        finally:
            self.keep = None
        if self.failure:
            raise self.failure


@dataclass(frozen=True)
class Dimse:
    """An `Archive` behind DIMSE.

    Args:
        pacs: where it is.
    """

    pacs: PacsConfig
    _inbox: _Inbox = field(default_factory=_Inbox)

    def find_studies(self, asked: Asked) -> list[DicomStudy]:
        """DICOM studies that were asked for, and others where keys are not known."""
        keys = _keys("STUDY", **asked.keys)
        return [
            DicomStudy(*(text_of(item, keyword) for keyword in _STUDY))
            for item in self._find(keys)
        ]

    def find_series(self, study: str) -> list[Series]:
        """The series of a DICOM study."""
        keys = _keys(
            "SERIES",
            StudyInstanceUID=study,
            SeriesInstanceUID="",
            Modality="",
            SeriesDescription="",
        )
        return [
            Series(study, *(text_of(item, keyword) for keyword in _SERIES))
            for item in self._find(keys)
        ]

    def find_files(self, series: Series) -> set[str]:
        """UIDs of the files of a series."""
        keys = _keys(
            "IMAGE",
            StudyInstanceUID=series.study,
            SeriesInstanceUID=series.uid,
            SOPInstanceUID="",
        )
        return {text_of(item, "SOPInstanceUID") for item in self._find(keys)} - {""}

    def download(self, series: Series, keep: Keep) -> None:
        """Give each file of a series to `keep`."""
        keys = _keys(
            "SERIES", StudyInstanceUID=series.study, SeriesInstanceUID=series.uid
        )
        with self._inbox.open(keep):
            if self.pacs.protocol == "c-get":
                self._get(keys)
            else:
                self._move(keys)

    def _find(self, keys: Dataset) -> list[Dataset]:
        """All answers to a query."""
        model = StudyRootQueryRetrieveInformationModelFind
        with self._associated([build_context(model)]) as association:
            answers = association.send_c_find(keys, model)
            return [item for item in _followed(answers) if item is not None]

    def _get(self, keys: Dataset) -> None:
        """Receive files on the association of the request itself."""
        model = StudyRootQueryRetrieveInformationModelGet
        contexts = [build_context(model), *_storage_contexts()]
        with self._associated(contexts, self._inbox) as association:
            _exhaust(association.send_c_get(keys, model))

    def _move(self, keys: Dataset) -> None:
        """Ask the PACS to send files to the port at which this computer receives."""
        model = StudyRootQueryRetrieveInformationModelMove
        with self._associated([build_context(model)]) as association:
            _exhaust(association.send_c_move(keys, self.pacs.ae_title, model))

    @contextmanager
    def _associated(
        self, contexts: list[PresentationContext], inbox: _Inbox | None = None
    ) -> Iterator[Association]:
        """An association for one request.

        Raises:
            FetchError: there is none.
        """
        roles = [build_role(uid, scp_role=True) for uid in _classes() if inbox]
        association = _entity(self.pacs).associate(
            self.pacs.host,
            self.pacs.port,
            contexts=contexts,
            ae_title=self.pacs.called_ae,
            ext_neg=roles,
            evt_handlers=[
                (evt.EVT_CONN_OPEN, _send_at_once),
                *([(evt.EVT_C_STORE, inbox.receive)] if inbox else []),
            ],
        )
        _check(association, contexts[0])
        try:
            yield association
        finally:
            if association.is_established:
                association.release()
            else:
                association.abort()


@contextmanager
def open_dimse(pacs: PacsConfig) -> Iterator[Dimse]:
    """An archive, and for C-MOVE a port at which its files arrive.

    Raises:
        StageError: the port is taken.
    """
    archive = Dimse(pacs)
    if pacs.protocol == "c-get":
        yield archive
        return
    syntaxes = [*_PLAIN, *_COMPRESSED]
    try:
        server = _entity(pacs).start_server(
            (pacs.receive_host, pacs.receive_port),
            block=False,
            contexts=[build_context(uid, syntaxes) for uid in _classes()],
            evt_handlers=[(evt.EVT_C_STORE, archive._inbox.receive)],
        )
    except OSError:
        raise StageError(
            "no files can be received at input.pacs.receive_port; another program "
            "may use it, or receive_host is no address of this computer"
        ) from None
    try:
        yield archive
    finally:
        server.shutdown()


_STUDY = ("StudyInstanceUID", "PatientID", "StudyDate")
_SERIES = ("SeriesInstanceUID", "Modality", "SeriesDescription")


def _entity(pacs: PacsConfig) -> AE:
    """This computer, as the PACS knows it."""
    entity = AE(ae_title=pacs.ae_title)
    entity.acse_timeout = entity.dimse_timeout = float(pacs.timeout)
    entity.network_timeout = entity.connection_timeout = float(pacs.timeout)
    return entity


def _send_at_once(event: evt.Event) -> None:
    """Send each piece of a request at once; a request has two short pieces.

    Else the system waits 40 ms for more to send, which is most of a query's time.
    """
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _classes() -> list[str]:
    """The kinds of objects that ingest reads."""
    return sorted(IMAGES | ANNOTATIONS)


def _storage_contexts() -> list[PresentationContext]:
    """One context for each class and compression: only one of a context is agreed."""
    classes = _classes()
    compressed = _COMPRESSED[: _MOST_CONTEXTS // len(classes) - 1]
    return [
        build_context(uid, list(syntaxes))
        for uid in classes
        for syntaxes in (_PLAIN, *((syntax,) for syntax in compressed))
    ]


def _keys(level: str, **values: str) -> Dataset:
    """What a request asks for."""
    keys = Dataset()
    keys.QueryRetrieveLevel = level
    if not "".join(values.values()).isascii():
        keys.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in values.items():
        setattr(keys, keyword, value)
    return keys


def _check(association: Association, wanted: PresentationContext) -> None:
    """Refuse an association that is not established or lacks the wanted context."""
    if association.is_rejected:
        raise FetchError(
            "the PACS refuses the association; it must know input.pacs.ae_title, and "
            "called_ae must be its own"
        )
    if association.is_aborted or not association.is_established:
        raise FetchError(
            "the PACS cannot be reached, or hangs up; check host and port in input.pacs"
        )
    accepted = {context.abstract_syntax for context in association.accepted_contexts}
    if wanted.abstract_syntax not in accepted:
        association.release()
        raise FetchError(
            "the PACS does not offer this to us; ask for it, or choose another "
            "input.pacs.protocol"
        )


def _followed(answers: Iterator[tuple[Dataset, Dataset | None]]) -> Iterator[Any]:
    """The content of each pending answer, until the last one reports success.

    Raises:
        FetchError: the last answer reports a failure, or does not come.
    """
    for status, item in answers:
        code = status.get("Status")
        if code is None:
            break
        if code not in _PENDING:
            if code not in _DONE:
                raise FetchError(_refusal(code))
            return
        yield item
    raise FetchError(
        "the PACS hangs up instead of answering; it may not know input.pacs.ae_title, "
        "or the connection broke: run again"
    )


def _exhaust(answers: Iterator[tuple[Dataset, Dataset | None]]) -> None:
    """Read answers without content to the end."""
    for _ in _followed(answers):
        pass


def _refusal(code: int) -> str:
    """What a status of DIMSE means here."""
    if code == _UNKNOWN_DESTINATION:
        return (
            "the PACS does not know where to send files; enter input.pacs.ae_title "
            "and receive_port there"
        )
    return f"the PACS refuses or fails (status {code:04X}); ask its support"
