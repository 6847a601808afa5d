from pathlib import Path

from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.dicom_entries import DicomEntry, sort_rows

MR = "1.2.840.10008.5.1.4.1.1.4"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"


def row(state="dicom", reason="", **values):
    values = {"StudyInstanceUID": "1", "SeriesInstanceUID": "1.1"} | values
    return IndexRow(Path("x"), 1, 1, state, reason, values)


def entry(**values):
    ((found,), _) = sort_rows([row(**values)])
    return found


def test_what_is_not_dicom_is_a_file_with_its_reason():
    rows = [row("excluded", "not DICOM"), row("unreadable", "empty")]
    entries, files = sort_rows(rows)
    assert entries == []
    assert [(file.state, file.reason) for file in files] == [
        ("excluded", "not DICOM"),
        ("unreadable", "empty"),
    ]


def test_an_object_without_a_series_is_a_file():
    _, (file,) = sort_rows([row(SOPClassUID=MR, SeriesInstanceUID="")])
    assert file.reason == "belongs to no series; export it again"


def test_an_image_is_an_entry_with_its_sessions():
    found = entry(SOPClassUID=MR, PatientID="7", StudyDate="20240101")
    assert isinstance(found, DicomEntry)
    assert (found.patient, found.series, found.reason) == ("7", "1.1", "")
    assert found.sessions == {"1", "20240101"}
    assert found.refers_to is None


def test_without_a_number_each_study_is_another_patient():
    first, second = (entry(SOPClassUID=MR, StudyInstanceUID=uid) for uid in "12")
    assert first.patient != second.patient


def test_an_annotation_says_which_series_it_is_about():
    assert entry(SOPClassUID=SEG, ReferencedSeries="1.1").refers_to == "1.1"
    assert entry(SOPClassUID=SEG).refers_to == ""


def test_what_may_show_a_name_is_risky():
    found = entry(SOPClassUID=MR, BurnedInAnnotation="YES")
    assert found.risky
    assert found.reason
