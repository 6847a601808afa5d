"""`--seg`: opt-in, outside of what is shared, once, and filed by a PACS."""

import numpy as np
import pytest
from pydicom import dcmread

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table
from medinorm.ingest.labels.segmentation import read_segmentation
from medinorm.segment.dicom_stage import check_seg
from medinorm.segment.stage import segment_scans
from tests.ingest.conftest import save
from tests.segment.test_stage import ball

LABELS = {1: "shell", 2: "core"}


@pytest.fixture
def call(made_bundle, tmp_path):
    """Segment what is in the folder `dicom`; where SEG objects are."""

    def run():
        segment_scans(
            made_bundle[1],
            tmp_path / "out",
            dicom=[tmp_path / "dicom"],
            private=tmp_path / "p",
            seg=tmp_path / "seg",
            ingest=IngestConfig(),
        )
        return sorted((tmp_path / "seg").glob("*.dcm"))

    return run


def test_a_seg_lies_outside_of_what_is_shared_and_is_made_once(call, tmp_path):
    save(ball().datasets(), tmp_path / "dicom")
    (path,) = call()
    assert str(dcmread(path).PatientName) == "SECRET^NAME"
    (made,) = (tmp_path / "out" / "segmentations").glob("*.nii.gz")
    label_map = read_volume(made)
    assert set(np.unique(label_map.array)) == {0, 1, 2}
    back = read_segmentation(path, label_map, LABELS, 1e-3)
    np.testing.assert_array_equal(back.array, label_map.array)
    shared = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert not any(b"SECRET" in p.read_bytes() for p in shared)
    assert all(p.stat().st_mode & 0o077 == 0 for p in (path, path.parent))
    before = path.stat().st_mtime_ns
    assert call() == [path]
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"damaged")
    assert str(dcmread(*call()).PatientName) == "SECRET^NAME"


def test_a_series_that_allows_no_seg_has_its_label_map(call, tmp_path):
    series = ball()
    series.header["FrameOfReferenceUID"] = None
    save(series.datasets(), tmp_path / "dicom")
    assert call() == []
    assert len(list((tmp_path / "out" / "segmentations").glob("*.nii.gz"))) == 1
    (row,) = read_table(tmp_path / "out" / "dicom_seg.tsv")
    assert row["state"] == "failed"
    assert "no frame of reference" in row["reason"]


def test_orthanc_keeps_it_with_its_study(call, tmp_path, orthanc):
    """Stored and read back: the same voxels at the same place, in the same study."""
    series = ball()
    for dataset in series.datasets():
        orthanc.send(dataset)
    save(series.datasets(), tmp_path / "dicom")
    (path,) = call()
    orthanc.send(dcmread(path))
    query = b'{"Level": "Instance", "Query": {"SOPInstanceUID": "%s"}}'
    uid = dcmread(path).SOPInstanceUID
    (found,) = orthanc.ask("tools/find", query % uid.encode())
    study = orthanc.ask(f"instances/{found}/study")
    assert study["MainDicomTags"]["StudyInstanceUID"] == "1.2.3.4.5"
    assert len(study["Series"]) == 2
    (tmp_path / "back.dcm").write_bytes(orthanc.fetch(f"instances/{found}/file"))
    (made,) = (tmp_path / "out" / "segmentations").glob("*.nii.gz")
    label_map = read_volume(made)
    back = read_segmentation(tmp_path / "back.dcm", label_map, LABELS, 1e-3)
    np.testing.assert_array_equal(back.array, label_map.array)


def test_a_call_that_cannot_write_seg_ends_before_its_work(tmp_path, monkeypatch):
    out, dicom = tmp_path / "out", [tmp_path]
    check_seg(None, [], out)
    check_seg(tmp_path / "seg", dicom, out)
    with pytest.raises(StageError, match="give --dicom"):
        check_seg(tmp_path / "seg", [], out)
    with pytest.raises(StageError, match="outside of it"):
        check_seg(out / "seg", dicom, out)
    monkeypatch.setattr("medinorm.segment.dicom_stage.find_spec", lambda _: None)
    with pytest.raises(StageError, match=r"pip install 'medinorm\[seg\]'"):
        check_seg(tmp_path / "seg", dicom, out)
