"""A folder of DICOM without label maps: one command, harmonized scans, exit code 0."""

import nibabel as nib
import pytest

from tests.ingest.conftest import Fake, ramp, save
from tests.test_workflow import snakemake

STUDY = {
    "title": "Comparable scans",
    "shards": 1,
    "harmonize": {"spacing": [2.0, 2.0, 2.0]},
}


@pytest.mark.slow
def test_a_folder_without_label_maps_ends_after_harmonize(tmp_path):
    for number, patient in enumerate(["p1", "p2"]):
        header = {"PatientID": patient, "StudyInstanceUID": f"1.2.{number}"}
        series = Fake(ramp((12, 14, 10)) + number, header=header)
        save(series.datasets(), tmp_path / "dicom" / patient)
    study = STUDY | {"input": {"dicom": [str(tmp_path / "dicom")]}}
    code, output = snakemake(tmp_path, "--quiet", "all", study=study)
    assert code == 0, output[-3000:]
    assert (
        output.strip()
        .splitlines()[-1]
        .startswith("harmonized only: no scan has a label map")
    )
    results = tmp_path / "results"
    volumes = sorted((results / "harmonized" / "zscore" / "shared").glob("*.nii"))
    assert len(volumes) == 2
    assert nib.load(volumes[0]).header.get_zooms() == (2.0, 2.0, 2.0)
    page = (results / "report" / "qc.html").read_text()
    assert page.count("<img src=") == 2  # two scans
    assert not (results / "report" / "report.html").exists()
    assert (results / "ingest" / "account.tsv").read_text().count("no label map") == 1
    code, output = snakemake(tmp_path, study=study)
    assert (code, "Nothing to be done" in output) == (0, True)
