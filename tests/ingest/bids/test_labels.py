from pathlib import Path

from medinorm.ingest.bids.labels import LabelMaps
from medinorm.ingest.bids.names import parse_name


def choose(labels, *scans):
    files = [parse_name(Path(f"sub-1{name}.nii")) for name in labels]
    chosen = LabelMaps(files).of([{"sub": "01", **scan} for scan in scans])
    return [x if isinstance(x, str) else x.path.name for x in chosen]


def test_labels_of_other_sessions_do_not_fit():
    (reason,) = choose(["_dseg"], {"ses": "a"})
    assert reason.startswith("no label map")
    assert choose(["_ses-A_dseg"], {"ses": "a"}) == ["sub-1_ses-A_dseg.nii"]


def test_label_maps_of_hemispheres_are_to_be_joined():
    halves = ["_hemi-L_dseg", "_hemi-R_dseg"]
    (reason,) = choose(halves, {})
    assert reason == (
        "its label maps show one hemisphere each (hemi-L, hemi-R); join them into one "
        "_dseg without hemi"
    )
    assert choose(halves, {"hemi": "L"}) == ["sub-1_hemi-L_dseg.nii"]
    assert choose([*halves, "_dseg"], {}) == ["sub-1_dseg.nii"]


def test_what_keeps_a_label_map_from_fitting_is_told():
    (reason,) = choose(["_acq-low_run-2_dseg", "_acq-x_dseg"], {"acq": "high"})
    assert reason == (
        "no label map among the derivatives fits: they differ from the image in acq, "
        "run; write the entities of the image into the name of its label map"
    )


def test_the_image_of_the_same_name_keeps_a_shared_label_map():
    own, reason = choose(["_run-1_dseg"], {"run": "01"}, {"run": "1", "acq": "x"})
    assert own == "sub-1_run-1_dseg.nii"
    assert reason.startswith("its label map fits 2 images")
