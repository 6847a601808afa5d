import json

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms
from medinorm.ingest.index import list_dataset
from medinorm.ingest.plan.from_bids import find_bids_scans

KEEP = Pseudonyms(bytes(32), keep=True)


@pytest.fixture
def dataset(tmp_path):
    return tmp_path / "bids"


def touch(dataset, *names):
    for name in names:
        path = dataset / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"{}")


def find(dataset, channels=("image",), names=KEEP):
    return find_bids_scans(dataset, list_dataset(dataset), channels, names)


def usable(inventory):
    return [row for row in inventory.candidates if row.kind == "nifti"]


def reasons(inventory):
    return {
        row.where: row.reason for row in inventory.candidates if row.kind == "excluded"
    }


SUB = "sub-01/ses-a/anat/sub-01_ses-a"
LABEL = "derivatives/manual/sub-01/ses-a/anat/sub-01_ses-a"


def test_images_find_their_label_maps(dataset):
    touch(dataset, f"{SUB}_T1w.nii.gz", f"{SUB}_T2w.nii.gz", f"{LABEL}_dseg.nii.gz")
    touch(dataset, "sub-02/anat/sub-02_T1w.nii", "derivatives/x/sub-02/sub-02_seg.nii")
    found = find(dataset)
    assert [row.scan for row in usable(found)] == ["sub-01_ses-a_T1w", "sub-02_T1w"]
    assert usable(found)[0].source.label.name == "sub-01_ses-a_dseg.nii.gz"
    unused = {file.path.name: file.reason for file in found.files if file.reason}
    assert list(unused) == ["sub-01_ses-a_T2w.nii.gz"]


@pytest.mark.parametrize(
    ("labels", "chosen"),
    [
        (["_run-1_dseg", "_run-2_dseg"], "_run-1_dseg"),
        (["_dseg", "_run-1_seg"], "_run-1_seg"),
        (["_mask", "_dseg"], "_dseg"),
        (["_space-MNI_dseg", "_dseg"], "_dseg"),
        (["_desc-brain_mask", "_label-lesion_mask"], "_label-lesion_mask"),
        (["_acq-other_dseg"], None),
        (["_desc-brain_mask"], None),
        (["_desc-me_dseg", "_desc-you_dseg"], None),
    ],
)
def test_the_label_map_that_fits_best_is_taken(dataset, labels, chosen):
    touch(dataset, f"{SUB}_run-1_T1w.nii.gz")
    touch(dataset, *(f"{LABEL}{name}.nii.gz" for name in labels))
    found = find(dataset)
    if chosen:
        (row,) = usable(found)
        assert str(row.source.label).endswith(f"{LABEL}{chosen}.nii.gz")
    else:
        assert set(reasons(found)) == {"sub-01_ses-a_run-1_T1w"}


def test_channels_of_a_session_belong_together(dataset):
    touch(dataset, f"{SUB}_acq-mprage_T1w.nii.gz", f"{SUB}_FLAIR.nii.gz")
    touch(dataset, f"{LABEL}_dseg.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    found = find(dataset, channels=("T1w", "FLAIR"))
    (row,) = usable(found)
    assert row.scan == "sub-01_ses-a_channels"
    assert set(row.source.channels) == {"T1w", "FLAIR"}
    assert reasons(found) == {
        "sub-02_channels": "no FLAIR image beside the others; add it"
    }


def test_the_same_image_twice_is_left_out(dataset):
    touch(dataset, f"{SUB}_T1w.nii.gz", f"{SUB}_T1w.nii", f"{LABEL}_dseg.nii.gz")
    assert "duplicate" in reasons(find(dataset))["sub-01_ses-a_T1w"]


def test_names_that_contradict_their_folder_do_not_count(dataset):
    touch(dataset, "sub-01/anat/sub-02_T1w.nii.gz", "sub-02/anat/sub-02_T1w.nii.gz")
    touch(dataset, "derivatives/x/sub-02_dseg.nii.gz")
    found = find(dataset)
    assert [row.scan for row in usable(found)] == ["sub-02_T1w"]
    assert len(found.files) == 3


def test_words_in_names_become_pseudonyms(dataset):
    touch(dataset, "sub-smith/ses-monday/anat/sub-smith_ses-monday_acq-x_run-2_T1w.nii")
    touch(dataset, "derivatives/sub-smith_ses-monday_dseg.nii")
    (row,) = usable(find(dataset, names=Pseudonyms(bytes(32))))
    for text in (row.scan, row.where, row.subject, row.session):
        assert not any(word in text for word in ("smith", "monday", "acq-x"))
    assert "_run-2_T1w" in row.scan


def test_every_file_has_one_state(dataset):
    touch(dataset, f"{SUB}_T1w.nii.gz", f"{SUB}_T1w.json", f"{LABEL}_dseg.nii.gz")
    touch(dataset, "T1w.json", "T2w.json", "README", "sub-01/ses-a/func/x_bold.nii.gz")
    touch(dataset, "derivatives/sub-09_dseg.nii.gz", ".git/objects/ab")
    files = find(dataset).files
    there = [p for p in dataset.rglob("*") if p.is_file() and ".git" not in p.parts]
    assert sorted(file.path for file in files) == sorted(there)
    used = {file.path.name for file in files if file.state == "used"}
    assert used == {
        "sub-01_ses-a_T1w.nii.gz",
        "sub-01_ses-a_T1w.json",
        "T1w.json",
        "sub-01_ses-a_dseg.nii.gz",
    }


def test_missing_dataset(dataset):
    with pytest.raises(StageError, match=r"input\.bids: the folder does not exist"):
        find(dataset)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("participant_id\tage\nsub-01\t3\nsub-01\t4\n", "lists a participant twice"),
        ("id\tage\n1\t3\n", "column 'participant_id' is missing"),
        ("participant_id\tlabel\nsub-01\t3\n", "column 'label'"),
    ],
)
def test_unusable_participants(dataset, text, problem):
    touch(dataset, f"{SUB}_T1w.nii.gz")
    (dataset / "participants.tsv").write_text(text)
    with pytest.raises(StageError, match=problem):
        find(dataset)


def test_bids_study(fake, dataset, ingest):
    """Facts from participants and inherited sidecars, end to end."""
    for who in ("01", "02"):
        image = fake.ramp() + np.int16(who == "02")
        fake.nifti(dataset / f"sub-{who}/anat/sub-{who}_T1w.nii.gz", image)
        fake.nifti(
            dataset / f"derivatives/m/sub-{who}/anat/sub-{who}_dseg.nii.gz",
            fake.blocks(image.shape),
        )
    fake.json(
        dataset / "T1w.json",
        {
            "Manufacturer": "Philips Medical Systems",
            "ManufacturersModelName": "Achieva",
            "MagneticFieldStrength": 1.494,
            "RepetitionTime": 0.0081,
            "PatientName": "leak",
            "DeviceSerialNumber": "leak-7",
        },
    )
    fake.json(dataset / "sub-02/anat/sub-02_T1w.json", {"MagneticFieldStrength": 3})
    (dataset / "participants.tsv").write_text(
        "participant_id\tsite\tsex\nsub-02\tnorth\tn/a\n"
    )
    out = ingest(
        bids=dataset, ingest=IngestConfig(subjects="keep"), columns=("site", "sex")
    )
    first, second = out.scans
    assert first["scanner"] == "Philips Achieva 1.5T"
    assert second["scanner"] == "Philips Achieva 3T"
    assert (first["site"], second["site"]) == ("", "north")
    assert first["repetition_time"] == "0.0081"
    assert second["sex"] == ""
    for path in out.results.rglob("*"):
        if path.suffix in {".json", ".tsv"}:
            assert "leak" not in path.read_text()
    sidecar = json.loads(
        (out.results / "canonical/sub-02/anat/sub-02_T1w.json").read_text()
    )
    assert sidecar["Manufacturer"] == "Philips"


@pytest.mark.parametrize("content", ["{", "[1]", "\xff"])
def test_broken_sidecar_is_a_row(fake, dataset, ingest, content):
    fake.nifti(dataset / "sub-01/anat/sub-01_T1w.nii.gz", fake.ramp())
    fake.nifti(dataset / "derivatives/sub-01_dseg.nii", fake.blocks((20, 18, 17)))
    (dataset / "T1w.json").write_text(content, encoding="latin-1")
    with pytest.raises(StageError, match="JSON sidecar: is no JSON"):
        ingest(bids=dataset)
