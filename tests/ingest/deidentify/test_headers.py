"""De-identified headers: what stays, what goes, what is rewritten."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medinorm.config import ExportConfig
from medinorm.ingest.deidentify.headers import Deidentifier, Subject
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

NAMES = Pseudonyms(bytes(32))


def deidentify(original, **settings):
    subject = Subject("4711", "label")
    return Deidentifier(NAMES, subject, ExportConfig(**settings)).header(original)


@pytest.fixture
def original():
    ds = Dataset()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    ds.SeriesInstanceUID = "1.2.3"
    ds.PatientName, ds.PatientID = "Doe^John", "4711"
    ds.PatientBirthDate, ds.PatientAge, ds.PatientSex = "19510203", "073Y", "M"
    ds.StudyDate, ds.StudyTime = "20240301", "123005"
    ds.StudyDescription = "Doe, brain"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "DOE"]
    ds.EchoTime = "2.5"
    ds.Manufacturer = "SIEMENS"
    ds.add_new(0x00191008, "LO", "private Doe")
    return ds


def test_only_what_is_listed_stays(original):
    made = deidentify(original)
    assert made.EchoTime == 2.5
    for keyword in ("StudyDescription", "PatientAge"):
        assert keyword not in made
    assert 0x00191008 not in made
    assert "Doe" not in str(made)


def test_the_patient_is_the_pseudonym(original):
    made = deidentify(original)
    assert (made.PatientID, str(made.PatientName)) == ("label", "label")
    assert made.PatientBirthDate in (None, "")


def test_uids_are_replaced_but_for_those_of_the_standard(original):
    made = deidentify(original)
    assert made.SOPClassUID == original.SOPClassUID
    assert made.SeriesInstanceUID == NAMES.uid("1.2.3")


def test_codes_beside_the_list_become_other(original):
    assert list(deidentify(original).ImageType) == ["ORIGINAL", "PRIMARY", "OTHER"]


def test_dates_stay_only_if_they_are_moved(original):
    assert not deidentify(original, dates="remove").StudyDate
    moved = deidentify(original, dates="shift")
    assert moved.StudyDate not in {"", "20240301"}
    assert moved.StudyTime == "123005"
    assert moved.LongitudinalTemporalInformationModified == "MODIFIED"


def test_characteristics_stay_only_if_they_are_asked_for(original):
    assert not deidentify(original, characteristics=False).PatientSex
    made = deidentify(original, characteristics=True)
    assert (made.PatientSex, made.PatientAge) == ("M", "073Y")


def test_items_are_treated_alike(original):
    inner = Dataset()
    inner.ReferencedSOPInstanceUID, inner.PatientName = "1.2.4", "Doe"
    original.ReferencedImageSequence = Sequence([inner, Dataset()])
    made = deidentify(original).ReferencedImageSequence
    assert made[0].ReferencedSOPInstanceUID == NAMES.uid("1.2.4")
    assert "PatientName" not in made[0]
    assert len(made) == 2  # frames are counted by items


def test_the_method_is_written_down(original):
    codes = [
        item.CodeValue
        for item in deidentify(
            original, dates="shift", characteristics=True
        ).DeidentificationMethodCodeSequence
    ]
    assert codes == ["113100", "113107", "113108"]
    assert deidentify(original).PatientIdentityRemoved == "YES"


def test_the_original_is_left_as_it_was(original):
    before = str(original)
    deidentify(original, dates="shift")
    assert str(original) == before
