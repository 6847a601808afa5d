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


def test_the_image_of_the_same_name_keeps_a_shared_label_map():
    own, reason = choose(["_run-1_dseg"], {"run": "01"}, {"run": "1", "acq": "x"})
    assert own == "sub-1_run-1_dseg.nii"
    assert reason.startswith("its label map fits 2 images")
