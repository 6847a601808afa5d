import logging

from medinorm.ingest.pacs.archive import Asked, silence


def test_what_is_asked_is_asked_by_its_dicom_names():
    asked = Asked(patient="7", dates="20240101-20240102", modality="MR")
    assert asked.keys == {
        "PatientID": "7",
        "StudyInstanceUID": "",
        "StudyDate": "20240101-20240102",
        "ModalitiesInStudy": "MR",
    }


def test_libraries_are_silent_inside_and_not_afterwards(caplog):
    logger = logging.getLogger("pynetdicom")
    before = logger.level
    with silence():
        logger.critical("patient 7")
    assert "patient 7" not in caplog.text
    assert logger.level == before
