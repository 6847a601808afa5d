"""A real Orthanc on this computer, with two patients in it."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
    SegmentationStorage,
    generate_uid,
)

from medinorm.config import PacsConfig
from medinorm.files.tables import read_table
from medinorm.ingest.pacs.fetch import fetch_series

ORTHANC = shutil.which("Orthanc", path=f"{os.environ['PATH']}:/usr/sbin")
PLUGINS = Path("/usr/share/orthanc/plugins")
DEADLINE = 60  # seconds; a loaded machine is slow


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def dataset(patient, study, series, number, sop_class=MRImageStorage, **header):
    """One file with pixels of its own."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    uid = f"{series}.{number}"
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid
    ds.PatientID, ds.PatientName = patient, f"Secret^{patient}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.StudyDate, ds.Modality, ds.InstanceNumber = "20240229", "MR", number
    ds.Rows = ds.Columns = 16
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, 0
    rng = np.random.default_rng(int(uid.replace(".", "")[-9:]))
    ds.PixelData = rng.integers(0, 4000, (16, 16)).astype("<u2").tobytes()
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    return ds


def hospital():
    """All files of the PACS: two patients with a T1 and a T2 each, one with a SEG."""
    files = []
    for patient in ("SECRET-1", "SECRET-2"):
        study = generate_uid()[:40]
        for number, words in enumerate(("t1 mprage sag", "t2 tse tra"), start=1):
            for index in range(6):
                made = dataset(
                    patient,
                    study,
                    f"{study}.{number}",
                    index + 1,
                    SeriesDescription=words,
                )
                if number == 2:
                    made.compress(RLELossless)
                files.append(made)
    study = files[0].StudyInstanceUID
    drawn = {"Modality": "SEG", "SeriesDescription": "drawn"}
    files.append(
        dataset("SECRET-1", study, f"{study}.9", 1, SegmentationStorage, **drawn)
    )
    return files


@dataclass(frozen=True)
class Orthanc:
    """A running PACS and what is in it."""

    http: int
    dicom: int
    receive: int
    log: Path
    files: list

    @property
    def root(self):
        return f"http://127.0.0.1:{self.http}"

    def url(self, part="dicom-web"):
        return f"{self.root}/{part}"

    def send(self, ds):
        """Store one more file."""
        path = self.log.with_name("sent.dcm")
        ds.save_as(path, enforce_file_format=True)
        self.ask("instances", path.read_bytes())

    def ask(self, path, data=None):
        return json.loads(self.fetch(path, data))

    def fetch(self, path, data=None):
        request = urllib.request.Request(f"{self.root}/{path}", data=data)
        request.add_header("Authorization", "Basic dGVzdDpwYXNzd29yZA==")
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
            return answer.read()

    def secrets(self):
        """Everything that must not be told."""
        words = {"SECRET-1", "SECRET-2", "password"}
        for ds in self.files:
            words |= {ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID}
        return words


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    """Orthanc with both protocols; user `test`, password `password` for DICOMweb."""
    plugin = PLUGINS / "libOrthancDicomWeb.so"
    if ORTHANC is None or not plugin.exists():
        pytest.skip("no Orthanc: apt-get install orthanc orthanc-dicomweb")
    folder = tmp_path_factory.mktemp("orthanc")
    server = Orthanc(
        free_port(), free_port(), free_port(), folder / "log.txt", hospital()
    )
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [str(plugin)],
        "HttpPort": server.http,
        "DicomPort": server.dicom,
        "DicomAet": "HOSPITAL",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowGet": False,
        "DicomAlwaysAllowFind": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"test": "password"},
        "TranscodeDicomProtocol": False,
        "DicomModalities": {
            "us": {
                "AET": "MEDINORM",
                "Host": "127.0.0.1",
                "Port": server.receive,
                "AllowGet": True,
                "AllowFind": True,
                "AllowMove": True,
            }
        },
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            [ORTHANC, folder / "orthanc.json"],
            stdout=log,
            stderr=log,
            env=os.environ | {"TCP_NODELAY": "1"},  # no 40 ms of waiting a message
        )
    try:
        await_ready(server, process)
        for ds in server.files:
            server.send(ds)
        yield server
    finally:
        process.terminate()
        process.wait(DEADLINE)


def await_ready(server, process):
    """Return when the server answers."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            server.ask("system")
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"Orthanc does not start: {server.log.read_text()[-2000:]}")


@dataclass(frozen=True)
class Fetched:
    """What a fetch left behind."""

    folder: Path

    @property
    def table(self):
        return read_table(self.folder / "fetched.tsv")

    @property
    def paths(self):
        return sorted((self.folder / "series").glob("*/*"))

    @property
    def pixels(self):
        """Transfer syntax and pixel bytes by UID of the file."""
        found = [dcmread(path) for path in self.paths]
        return {
            ds.SOPInstanceUID: (ds.file_meta.TransferSyntaxUID, ds.PixelData)
            for ds in found
        }


@pytest.fixture
def query(tmp_path):
    """Write a query table."""

    def write(*patients):
        path = tmp_path / "query.tsv"
        path.write_text("\n".join(["patient_id", *patients]) + "\n")
        return path

    return write


@pytest.fixture
def fetch(orthanc, query, tmp_path, monkeypatch):
    """Fetch by one of the protocols."""
    monkeypatch.setenv("MEDINORM_PACS_USER", "test")
    monkeypatch.setenv("MEDINORM_PACS_PASSWORD", "password")

    def run(protocol, **keys):
        place = {"url": orthanc.url()}
        if protocol != "dicomweb":
            place = {
                "host": "127.0.0.1",
                "port": orthanc.dicom,
                "called_ae": "HOSPITAL",
                "receive_port": orthanc.receive,
                "receive_host": "127.0.0.1",
            }
        if not keys.keys() & {"dates", "query"}:
            keys["query"] = query("SECRET-1", "SECRET-2")
        fetch_series(
            tmp_path / "pacs",
            private=tmp_path / "private",
            pacs=PacsConfig(protocol=protocol, **(place | keys)),
        )
        return Fetched(tmp_path / "pacs")

    return run


@pytest.fixture
def expected(orthanc):
    """Transfer syntax and pixel bytes of what the PACS has, by UID of the file."""

    def choose(wanted=bool):
        return {
            ds.SOPInstanceUID: (ds.file_meta.TransferSyntaxUID, ds.PixelData)
            for ds in orthanc.files
            if wanted(ds)
        }

    return choose
