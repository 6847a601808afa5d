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


def find(dataset, channels=("image",), names=KEEP, labels=None):
    return find_bids_scans(dataset, list_dataset(dataset), channels, names, labels)


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


def anatomy(*names, who="01"):
    return [f"sub-{who}/anat/sub-{who}{name}" for name in names]


def maps(*names, who="01"):
    return [f"derivatives/m/sub-{who}/anat/sub-{who}{name}" for name in names]


def scans(found):
    return [row.scan for row in usable(found)]


@pytest.mark.parametrize("form", [".nii", ".nii.gz", ".NII.GZ", ".Nii"])
def test_suffixes_in_any_case(dataset, form):
    touch(dataset, *anatomy(f"_T1w{form}"), *maps(f"_dseg{form}"))
    assert scans(find(dataset)) == ["sub-01_T1w"]


@pytest.mark.parametrize("part", ["phase", "real", "imag", "Phase"])
def test_phase_images_are_no_scans(dataset, part):
    touch(dataset, *anatomy("_part-mag_T1w.nii", f"_part-{part}_T1w.nii"))
    touch(dataset, *anatomy(f"_run-2_part-{part}_T1w.nii"), *maps("_dseg.nii"))
    found = find(dataset)
    assert scans(found) == ["sub-01_part-mag_T1w"]
    assert len(reasons(found)) == 2
    assert all("phase, real or imaginary" in why for why in reasons(found).values())


@pytest.mark.parametrize(
    "copy", ["desc-preproc", "desc-brain", "space-MNI", "res-1mm", "acq-a_desc-x"]
)
def test_processed_copies_are_no_further_scans(dataset, copy):
    touch(dataset, *anatomy("_T1w.nii", f"_{copy}_T1w.nii"), *maps("_dseg.nii"))
    assert scans(find(dataset)) == ["sub-01_T1w"]
    touch(dataset, *anatomy(f"_{copy}_T1w.nii", who="02"), *maps("_dseg.nii", who="02"))
    assert len(scans(find(dataset))) == 2


@pytest.mark.parametrize(
    ("images", "labels", "used"),
    [
        (["_run-1", "_run-2"], [""], []),
        (["_run-1", "_run-2"], ["_run-1"], ["_run-1"]),
        (["_run-01", "_run-02"], ["_run-1", "_run-2"], ["_run-01", "_run-02"]),
        (["_run-1", "_run-2"], ["_run-02", ""], ["_run-1", "_run-2"]),
        (["", "_run-2"], [""], [""]),
        (["", "_rec-norm"], ["_desc-manual"], [""]),
        (["_acq-a", "_acq-b"], [""], []),
        (["_echo-1", "_echo-2"], [""], []),
        (["_ce-gd", ""], ["_ce-gd"], ["_ce-gd"]),
        (["_run-1", "_run-01"], ["_run-1"], []),
        (["_run-1"], [""], ["_run-1"]),
    ],
)
def test_a_label_map_is_that_of_one_image(dataset, images, labels, used):
    touch(dataset, *anatomy(*(f"{name}_T1w.nii" for name in images)))
    touch(dataset, *maps(*(f"{name}_dseg.nii" for name in labels)))
    found = find(dataset)
    assert scans(found) == [f"sub-01{name}_T1w" for name in used]
    assert len(found.files) == len(images) + len(labels)


def test_numbers_are_the_same_with_and_without_zeros(dataset):
    touch(dataset, *anatomy("_run-01_T1w.nii", "_run-02_T1w.nii"))
    touch(dataset, *maps("_run-1_dseg.nii", "_run-2_dseg.nii", who="1"))
    touch(dataset, "sub-01/anat/sub-01_run-1_T1w.json")
    first, second = usable(find(dataset))
    assert first.source.label.name == "sub-1_run-1_dseg.nii"
    assert second.source.label.name == "sub-1_run-2_dseg.nii"
    assert [len(row.source.metadata) for row in (first, second)] == [1, 0]


@pytest.mark.parametrize("other", ["1", "001"])
def test_subjects_of_one_number_are_left_out(dataset, other):
    for who in ("01", other, "2"):
        touch(dataset, *anatomy("_T1w.nii", who=who), *maps("_dseg.nii", who=who))
    found = find(dataset)
    assert scans(found) == ["sub-2_T1w"]
    assert all("its subject has the number" in why for why in reasons(found).values())


def test_sessions_that_capitals_tell_apart_are_left_out(dataset):
    for session in ("ses-A", "ses-a", "ses-b"):
        name = f"sub-01_{session}"
        touch(dataset, f"sub-01/{session}/anat/{name}_T1w.nii")
        touch(dataset, f"derivatives/{name}_dseg.nii")
    found = find(dataset)
    assert scans(found) == ["sub-01_ses-b_T1w"]
    assert all("its session has the" in why for why in reasons(found).values())


@pytest.mark.parametrize(
    "mask",
    [
        *("desc-brain_mask", "label-brain_mask", "label-Brain_mask", "desc-head_mask"),
        *("desc-brainmask_mask", "label-head_mask", "space-orig_label-brain_mask"),
    ],
)
def test_masks_of_the_brain_are_no_label_maps(dataset, mask):
    touch(dataset, *anatomy("_T1w.nii"), *maps(f"_{mask}.nii"))
    assert scans(find(dataset)) == []
    touch(dataset, *maps("_label-lesion_mask.nii"))
    assert scans(find(dataset)) == ["sub-01_T1w"]


def test_the_mask_of_the_study_is_taken(dataset):
    touch(dataset, *anatomy("_T1w.nii"))
    touch(dataset, *maps("_label-liver_mask.nii", "_label-lesion_mask.nii"))
    assert scans(find(dataset)) == []
    (row,) = usable(find(dataset, labels={1: "Lesion"}))
    assert row.source.label.name == "sub-01_label-lesion_mask.nii"


NAMES = "index\tname\tabbreviation\n1\tGray Matter\tGM\n2\tWhite Matter\tWM\n"


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({1: "gray matter", 2: "white matter"}, False),
        ({1: "GM", 2: "white_matter"}, False),
        ({1: "white matter", 2: "gray matter"}, True),
        ({1: "wm"}, True),
        ({3: "Gray\u00a0matter"}, True),
        ({1: "cortex"}, False),
        ({1: "white matter", 2: "white matter"}, False),
    ],
)
@pytest.mark.parametrize(
    "place",
    [
        "derivatives/m/sub-01/anat/sub-01_dseg.tsv",
        "derivatives/m/dseg.tsv",
        "derivatives/dseg.tsv",
        "dseg.tsv",
    ],
)
def test_names_of_values_must_not_contradict_the_study(dataset, labels, told, place):
    touch(dataset, *anatomy("_T1w.nii"), *maps("_dseg.nii"))
    (dataset / place).write_text(NAMES)
    found = find(dataset, labels=labels)
    assert bool(reasons(found)) is told
    if told:
        assert "dseg.tsv gives the name" in reasons(found)["sub-01_T1w"]
    else:
        (row,) = [file for file in found.files if file.path.suffix == ".tsv"]
        assert (row.state, row.where) == ("used", "sub-01_T1w")


def test_the_closest_table_of_names_counts(dataset):
    touch(dataset, *anatomy("_T1w.nii"), *maps("_dseg.nii"))
    (dataset / "derivatives/m/dseg.tsv").write_text(NAMES)
    own = dataset / "derivatives/m/sub-01/anat/sub-1_dseg.tsv"
    own.write_text("index\tname\n1\twhite matter\n", encoding="utf-8-sig")
    assert scans(find(dataset, labels={1: "white matter"})) == ["sub-01_T1w"]
    own.write_text("value\tname\n1\twhite matter\n")
    found = find(dataset, labels={1: "white matter"})
    assert "column 'index' is missing" in reasons(found)["sub-01_T1w"]


def test_shared_files_belong_to_all_their_scans(dataset):
    for who in ("01", "02"):
        touch(dataset, *anatomy("_T1w.nii", who=who), *maps("_dseg.nii", who=who))
    touch(dataset, "T1w.json")
    (row,) = [file for file in find(dataset).files if file.path.suffix == ".json"]
    assert (row.where, row.others) == ("sub-01_T1w", ("sub-02_T1w",))


@pytest.mark.parametrize(
    "ids",
    [
        ("sub-01", "sub-02"),
        ("sub-1", "sub-2"),
        ("1", "2"),
        ("001", "SUB-0002"),
        ("1.0", "2.0"),
        (" sub-01\u00a0", "02"),
    ],
)
def test_participants_however_they_are_numbered(dataset, ids):
    for who in ("01", "02"):
        touch(dataset, *anatomy("_T1w.nii", who=who), *maps("_dseg.nii", who=who))
    table = "participant_id\tsite\n{}\tA\n{}\tn/a\n".format(*ids)
    (dataset / "participants.tsv").write_text(table)
    first, second = usable(find(dataset))
    assert first.source.columns == {"site": "A"}
    assert second.source.columns == {"site": ""}


def test_participants_of_other_names_are_told(dataset):
    for who in ("01", "02"):
        touch(dataset, *anatomy("_T1w.nii", who=who), *maps("_dseg.nii", who=who))
    table = "participant_id\tsite\nsub-02\tA\nControl 7\tA\n"
    (dataset / "participants.tsv").write_text(table)
    found = find(dataset)
    assert len(usable(found)) == 2
    said = reasons(found)["participants.tsv"]
    assert said.startswith("has no line for 1 of 2 subjects")
    assert "Control" not in said


def test_a_participant_with_two_facts_is_left_out(dataset, caplog):
    for who in ("01", "02", "03"):
        touch(dataset, *anatomy("_T1w.nii", who=who), *maps("_dseg.nii", who=who))
    lines = ["participant_id\tage", "sub-01\t3", "1\t4", "2\t5", "sub-02\t5", "3"]
    (dataset / "participants.tsv").write_text("\n".join(lines))
    found = find(dataset)
    assert scans(found) == ["sub-02_T1w", "sub-03_T1w"]
    assert "lists the participant twice" in reasons(found)["sub-01_T1w"]
    assert "participants.tsv, line 6: expected 2 values" in caplog.text


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


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", '{"Manufacturer": "GE"}'),
        ("latin-1", '{"Manufacturer": "GE", "Operator": "M\xfcller"}'),
        ("utf-16", '{"Manufacturer": "GE"}'),
    ],
)
def test_sidecars_of_all_programs_are_read(fake, dataset, ingest, encoding, text):
    fake.nifti(dataset / "sub-01/anat/sub-01_T1w.nii.gz", fake.ramp())
    fake.nifti(dataset / "derivatives/sub-01_dseg.nii", fake.blocks((20, 18, 17)))
    (dataset / "T1w.json").write_bytes(text.encode(encoding))
    assert [row["vendor"] for row in ingest(bids=dataset).scans] == ["GE"]
