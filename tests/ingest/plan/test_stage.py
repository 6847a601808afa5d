import json
import stat

import pytest

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.index import index_input
from medinorm.ingest.plan.stage import plan_scans


def plan(tmp_path, **source):
    private = tmp_path / "private"
    index, config = private / "index.jsonl", InputConfig(**source)
    index_input(index, private=private, input=config)
    plan_scans(
        index,
        private / "plan.tsv",
        private=private,
        input=config,
        ingest=IngestConfig(),
    )
    return read_table(private / "plan.tsv")


def test_plan_and_files_of_a_table(fake, tmp_path):
    folder = tmp_path / "two  blanks\u2028and more"
    fake.nifti(folder / "ä  i.nii", fake.ramp())
    fake.nifti(folder / "l.nii", fake.ramp())
    row = {"subject": "a", "image": "x.nii", "label": "l.nii"}
    table = fake.table(folder / "scans.tsv", [row])
    (folder / "x.nii").symlink_to("ä  i.nii")
    (planned,) = plan(tmp_path, scans=table)
    assert planned["kind"] == "nifti"
    source = json.loads(planned["source"])
    assert source["channels"] == {"image": str(folder / "x.nii")}
    assert len(read_table(tmp_path / "private" / "files.tsv")) == 2
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o700


def test_long_series_have_a_file_of_their_own(fake, tmp_path):
    series = fake.Series(fake.ramp((6, 6, 40)))
    paths = fake.save(series.datasets(), tmp_path / "dicom")
    (tmp_path / "dicom" / "junk1").write_text("x")
    (tmp_path / "dicom" / "junk2").write_text("x")
    labels = fake.table(
        tmp_path / "labels.tsv", [{"series_uid": series.uid, "label": "l.nii"}]
    )
    scan, unused = plan(tmp_path, dicom=(tmp_path / "dicom",), labels=labels)
    listed = tmp_path / "private" / "series" / json.loads(scan["source"])["files"]
    assert json.loads(listed.read_text()) == sorted(map(str, paths))
    assert (unused["kind"], unused["where"]) == ("files", "2 files")


def test_planning_twice_gives_the_same_bytes(fake, tmp_path):
    for number in range(3):
        series = fake.Series(fake.ramp((6, 6, 4)), header={"PatientID": str(number)})
        fake.save(series.datasets(), tmp_path / "dicom" / str(number))
    plan(tmp_path, dicom=(tmp_path / "dicom",))
    before = (tmp_path / "private" / "plan.tsv").read_bytes()
    plan(tmp_path, dicom=(tmp_path / "dicom",))
    assert (tmp_path / "private" / "plan.tsv").read_bytes() == before


def test_no_input_is_an_error(tmp_path):
    with pytest.raises(StageError, match="no input: give one of"):
        plan(tmp_path)
