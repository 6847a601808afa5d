from pathlib import Path

from medinorm.ingest.bids.images import group_images
from medinorm.ingest.bids.names import parse_name
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

KEEP = Pseudonyms(bytes(32), keep=True)


def group(*names, suffixes=("T1w",)):
    images = [parse_name(Path(name)) for name in names]
    return group_images(images, {name: name for name in suffixes}, KEEP)


def test_a_phase_image_does_not_part_the_channels_of_a_session():
    phase, scan = group(
        "sub-1_T1w.nii",
        "sub-1_FLAIR.nii",
        "sub-1_part-phase_T1w.nii",
        suffixes=("T1w", "FLAIR"),
    )
    assert phase.reason.startswith("a phase")
    assert set(scan.channels) == {"T1w", "FLAIR"}


def test_signs_that_names_of_files_lose():
    clash = group("sub-a.b_T1w.nii", "sub-ab_T1w.nii", "sub-c_T1w.nii")
    assert [bool(scan.reason) for scan in clash] == [True, True, False]


def test_two_forms_and_two_numbers_are_told_apart():
    (forms,) = group("sub-1_T1w.nii", "sub-1_T1w.nii.gz")
    assert "as .nii and .nii.gz" in forms.reason
    (numbers,) = group("sub-1_run-1_T1w.nii", "sub-1_run-01_T1w.nii")
    assert "zeros or capitals" in numbers.reason
