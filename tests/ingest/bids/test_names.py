from collections import defaultdict
from pathlib import Path

import pytest

from medinorm.ingest.bids.names import inherited_metadata, parse_name


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_T1w.txt",
        "sub-_T1w.nii",
        "01_T1w.nii",
        "sub-01_.nii",
        "sub-01_T1w.nii.bz2",
    ],
)
def test_other_names_are_no_bids(name):
    assert parse_name(Path(name)) is None


def test_the_closest_sidecar_comes_last():
    names = [
        "T1w.json",
        "T2w.json",
        "acq-x_T1w.json",
        "sub-01/sub-01_T1w.json",
        "sub-01/anat/sub-01_acq-x_T1w.json",
        "sub-01/anat/sub-01_acq-x_run-2_T1w.json",
        "sub-02/anat/sub-02_T1w.json",
    ]
    root = Path("/data/bids")
    sidecars = defaultdict(list)
    for name in reversed(names):
        sidecars[(root / name).parent].append(parse_name(root / name))
    image = parse_name(root / "sub-01/anat/sub-01_acq-x_T1w.nii.gz")
    found = inherited_metadata(image, sidecars)
    assert [path.relative_to(root).as_posix() for path in found] == [
        "T1w.json",
        "acq-x_T1w.json",
        "sub-01/sub-01_T1w.json",
        "sub-01/anat/sub-01_acq-x_T1w.json",
    ]
