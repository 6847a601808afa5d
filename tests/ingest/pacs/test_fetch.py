"""Laws that hold in every protocol, against a real Orthanc."""

import logging
import os
import signal
import stat
import subprocess
import sys

import highdicom as hd
import numpy as np
import pytest
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from medinorm.config import PacsConfig
from medinorm.errors import FetchError, StageError
from medinorm.files.nifti import read_volume
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.pacs.archive import DicomStudy, Series
from medinorm.ingest.pacs.fetch import FetchItem, QueryLine, _find, _Job

PROTOCOLS = ("dicomweb", "c-get", "c-move")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_files_arrive(fetch, expected, protocol):
    """By UID, transfer syntax and pixel bytes: nothing is decompressed on the way."""
    fetched = fetch(protocol)
    assert fetched.pixels == expected()
    assert {row["state"] for row in fetched.table} == {"ok"}
    assert sum(int(row["files"]) for row in fetched.table) == len(expected())


@pytest.mark.parametrize("protocol", PROTOCOLS[:2])
def test_only_what_was_asked_for_arrives(fetch, expected, query, protocol):
    fetched = fetch(protocol, query=query("SECRET-2"), description="T1.*sag")
    wanted = expected(
        lambda ds: ds.PatientID == "SECRET-2" and "t1" in ds.SeriesDescription
    )
    assert fetched.pixels == wanted


@pytest.mark.parametrize("protocol", PROTOCOLS[:2])
def test_dates_and_no_annotations(fetch, expected, protocol):
    fetched = fetch(protocol, dates=("20240201", "20240301"), annotations=False)
    assert fetched.pixels == expected(lambda ds: ds.Modality == "MR")
    with pytest.raises(StageError, match="no series that fits"):
        fetch(protocol, dates=("20250101", "20250301"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_killed_fetch_goes_on_where_it_stopped(
    fetch, expected, orthanc, query, tmp_path, protocol
):
    place = {
        "dicomweb": ["--url", orthanc.url()],
        "c-get": ["--host", "127.0.0.1", "--port", str(orthanc.dicom)],
    }
    place["c-move"] = [*place["c-get"], "--receive-port", str(orthanc.receive)]
    words = ["fetch", "--folder", tmp_path / "pacs", "--private", tmp_path / "private"]
    words += ["--protocol", protocol, *place[protocol], "--called-ae", "HOSPITAL"]
    words += ["--query", query("SECRET-1", "SECRET-2")]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, *words], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    series = tmp_path / "pacs" / "series"
    finished = {path: path.stat().st_mtime_ns for path in series.glob("*/*")}
    assert 0 < len(finished) < len(expected())
    fetched = fetch(protocol)
    assert fetched.pixels == expected()
    assert (
        finished.items()
        <= {path: path.stat().st_mtime_ns for path in fetched.paths}.items()
    )
    assert not (tmp_path / "pacs" / "partial").exists()


# Dies while it writes the ninth file: one series is complete, another half.
_KILLED = """
import os, signal, sys
from pathlib import Path
from medinorm.cli.main import main
write, count = Path.write_bytes, []
def dying(self, data):
    count.append(self)
    if len(count) == 9:
        write(self, data[:10])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(self, data)
Path.write_bytes = dying
main(sys.argv[1:])
"""


def test_what_matches_no_more_is_deleted_and_nothing_else(
    fetch, expected, query, tmp_path
):
    fetch("dicomweb")
    other = tmp_path / "pacs" / "series" / "mine"
    other.mkdir()
    fetched = fetch("dicomweb", query=query("SECRET-2"))
    assert fetched.pixels == expected(lambda ds: ds.PatientID == "SECRET-2")
    assert other.exists()


def test_a_series_that_grew_is_fetched_again(fetch):
    fetched = fetch("dicomweb")
    lost = fetched.paths[0]
    lost.unlink()
    assert lost in fetch("dicomweb").paths


def test_finding_nothing_leaves_what_is_there(fetch, expected, query):
    fetched = fetch("dicomweb")
    with pytest.raises(StageError, match="no series that fits"):
        fetch("dicomweb", query=query("nobody"))
    assert fetched.pixels == expected()


def test_nobody_else_may_enter(fetch, tmp_path):
    fetch("dicomweb")
    assert stat.S_IMODE((tmp_path / "pacs").stat().st_mode) == 0o700


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_logs_and_errors_and_names_tell_nothing(  # noqa: PLR0917 - fixtures
    fetch, orthanc, query, caplog, capfd, tmp_path, protocol
):
    logging.getLogger("pynetdicom").setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        fetch(protocol, query=query("SECRET-1", "nobody"))
    told = "".join([caplog.text, *capfd.readouterr()])
    assert "1 of 2 lines of the query find nothing" in told
    told += (tmp_path / "pacs" / "fetched.tsv").read_text()
    told += "".join(map(str, tmp_path.rglob("*")))
    assert not [secret for secret in orthanc.secrets() if secret in told]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["patient_id", "SECRET*"], "entry 1 has a wildcard"),
        (["patient_id\tsite", "1\tx", "n/a\tx"], "entry 2 names no patient"),
        (["patient_id\tsite", "1\tx", "1"], "entry 2 cannot be read: expected 2"),
        (["series_uid", "1.2.3"], "needs a column"),
        (["patient_id"], "needs a column patient_id or study_uid, and lines"),
    ],
)
def test_a_query_that_asks_for_more_is_refused(fetch, tmp_path, lines, problem):
    table = tmp_path / "wanted.tsv"
    table.write_text("\n".join(lines) + "\n")
    with pytest.raises(StageError, match=problem) as error:
        fetch("dicomweb", query=table)
    assert "SECRET" not in str(error.value)


def test_a_pacs_that_is_lost_is_not_asked_a_thousand_times(tmp_path):
    class Lost:
        calls = 0

        def find_files(self, _):
            Lost.calls += 1
            raise FetchError("lost")

    found = [Series("1", f"1.{n}", "MR", "") for n in range(20)]
    job = _Job(Lost(), tmp_path, Pseudonyms(bytes(32)))
    for series in found:
        with pytest.raises(FetchError):
            job.fetch(FetchItem(job.name_of(series.uid), series))
    assert Lost.calls == 5


def test_a_pacs_that_knows_no_keys_gives_only_what_was_asked_for():
    class Careless:
        def find_studies(self, _):
            return [DicomStudy(f"1.{n}", f"p{n}", "20240101") for n in range(4)]

        def find_series(self, study):
            return [
                Series(study, f"{study}.1", "MR", "T1"),
                Series(study, f"{study}.2", "CR", "chest"),
                Series(study, f"{study}.3", "SEG", "drawn"),
            ]

    pacs = PacsConfig(url="https://a.example/b", dates=("20240101", "20240102"))
    line = QueryLine(patient_id="p2")
    found = _find(Careless(), [line], pacs)
    assert [series.uid for series in found] == ["1.2.1", "1.2.3"]
    later = pacs.model_copy(update={"dates": ("20240102", "20240103")})
    with pytest.raises(StageError, match="no series that fits"):
        _find(Careless(), [line], later)


def test_one_series_of_a_study(fetch, orthanc, expected, tmp_path):
    one = orthanc.files[7]
    table = tmp_path / "wanted.tsv"
    table.write_text(
        f"study_uid\tseries_uid\n{one.StudyInstanceUID}\t{one.SeriesInstanceUID}\n"
    )
    fetched = fetch("c-get", query=table, annotations=False)
    assert fetched.pixels == expected(
        lambda ds: ds.SeriesInstanceUID == one.SeriesInstanceUID
    )


def test_without_the_libraries_it_says_what_to_install(fetch, monkeypatch):
    for name in ("dicomweb", "dimse"):
        monkeypatch.setitem(sys.modules, f"medinorm.ingest.pacs.{name}", None)
    for protocol in PROTOCOLS:
        with pytest.raises(StageError, match="medinorm\\[pacs\\]"):
            fetch(protocol)


def test_ingest_goes_on_from_what_was_fetched(fetch, fake, ingest, orthanc, query):
    """A series on the PACS becomes a scan with the label map drawn on it."""
    series = fake.Series(fake.ramp(), header={"PatientID": "SECRET-3"})
    datasets = series.datasets()
    drawn = hd.seg.Segmentation(
        source_images=datasets,
        pixel_array=(fake.blocks(series.array.shape, (1,)).T > 0).astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(
                segment_number=1,
                segment_label="one",
                segmented_property_category=codes.SCT.Tissue,
                segmented_property_type=codes.SCT.Tissue,
                algorithm_type="MANUAL",
            )
        ],
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="none",
        manufacturer_model_name="none",
        software_versions="0",
        device_serial_number="0",
    )
    for ds in (*datasets, drawn):
        orthanc.send(ds)
    fetched = fetch("c-get", query=query("SECRET-3"))
    out = ingest(dicom=[fetched.folder / "series"])
    (scan,) = out.scans
    image, label = (
        read_volume(out.results / "canonical" / scan[role]).array[0]
        for role in ("image", "label")
    )
    np.testing.assert_array_equal(image, series.array)
    np.testing.assert_array_equal(label, fake.blocks(series.array.shape, (1,)))


def test_ingest_never_needs_the_libraries():
    code = "import sys, medinorm.ingest.stage; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    ).stdout.split()
    assert not {"pynetdicom", "dicomweb_client"} & set(loaded)
