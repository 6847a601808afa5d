import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.ingest.pacs.archive import Asked, Series, silence
from medinorm.ingest.pacs.dicomweb import DicomWeb


def test_wrong_credentials(fetch, monkeypatch):
    monkeypatch.setenv("MEDINORM_PACS_PASSWORD", "wrong-password")
    with pytest.raises(StageError, match=r"refuses the credentials \(401\)") as error:
        fetch("dicomweb")
    assert "wrong-password" not in str(error.value)


def test_wrong_port(fetch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/dicom-web"
        with pytest.raises(StageError, match="cannot be reached"):
            fetch("dicomweb", url=url)


def test_no_dicomweb_there(fetch, orthanc):
    with pytest.raises(StageError, match="no DICOMweb service"):
        fetch("dicomweb", url=orthanc.url("elsewhere"))


def test_a_server_that_does_not_answer(fetch):
    with socket.socket() as slow:
        slow.bind(("127.0.0.1", 0))
        slow.listen()
        url = f"http://127.0.0.1:{slow.getsockname()[1]}/dicom-web"
        with pytest.raises(StageError, match="does not answer in time"):
            fetch("dicomweb", url=url, timeout=1)


def test_credentials_from_netrc(fetch, expected, monkeypatch, tmp_path):
    monkeypatch.delenv("MEDINORM_PACS_USER")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login test password password\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert fetch("dicomweb").pixels == expected()


@pytest.mark.parametrize("kind", ["USER", "TOKEN"])
def test_a_password_is_not_sent_in_the_open(monkeypatch, kind):
    monkeypatch.setenv(f"MEDINORM_PACS_{kind}", "someone")
    dates = ("20240101", "20240102")
    with pytest.raises(StageError, match="unencrypted"):
        DicomWeb(PacsConfig(url="http://pacs.example.org/dicom-web", dates=dates))
    DicomWeb(PacsConfig(url="https://pacs.example.org/dicom-web", dates=dates))


class Careless(BaseHTTPRequestHandler):
    """A server that knows no pages and no keys, and whose files are no DICOM."""

    studies = tuple(
        {
            "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
            "00100020": {"vr": "LO", "Value": [f"patient-{number}"]},
            "00080020": {"vr": "DA"},
        }
        for number in range(3)
    )

    def do_GET(self):
        body, kind = json.dumps(self.studies).encode(), "application/dicom+json"
        if "series/" in self.path:
            kind = 'multipart/related; type="application/dicom"; boundary=cut'
            head = b"\r\n--cut\r\nContent-Type: application/dicom\r\n\r\n"
            body = head + b"SECRET" + b"\r\n--cut--"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def careless():
    server = HTTPServer(("127.0.0.1", 0), Careless)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/web"
    with silence():
        yield DicomWeb(PacsConfig(url=url, dates=("20240101", "20240102")))
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_without_pages_gives_each_result_once(careless):
    found = careless.find_studies(Asked(patient="patient-1"))
    assert [study.patient for study in found] == ["patient-0", "patient-1", "patient-2"]
    assert {study.date for study in found} == {""}


def test_what_is_no_dicom_is_refused(careless):
    with pytest.raises(FetchError, match="no DICOM") as error:
        careless.download(Series("1.2", "1.2.3", "MR", ""), lambda *_: None)
    assert "SECRET" not in str(error.value)
