"""Real series of five makers against their references, and those that are refused."""

import re

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.errors import GeometryError
from medinorm.files.nifti import read_volume
from medinorm.ingest.convert.checks import check_image, on_grid_of
from medinorm.ingest.dicom.volume import read_series_part
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.dicom_entries import sort_rows
from medinorm.ingest.plan.judge_series import find_parts, frames_of

_HUNDREDTH = 0.01  # mm; references carry the rounding of float32 and of qform

# References that we do not follow, with the reason that we give instead. The first has
# one slice, which is no volume to us; the second is an image in colours that a program
# made.
_NOT_FOLLOWED = {
    "ge/anatomical/001_single_slice": "single_slice: ",
    "generic/rgb/001": "a secondary capture",
}
_FAILING = {
    "gantrytilting/001": r"tilt: slices are shifted sideways by 14\.0 degrees",
    "notavolume/001": "duplicate: 3 of 4 slices .* not all with the same pixels",
    # Numbered 7 to 10: the distance doubles between two acquisitions.
    "sliceincrement/001": "variable_spacing: distances of slices range from 5 to 10",
    # Its reference is resampled onto a grid of more rows and slices: values made up.
    "sliceincrement/002": "missing_slices: 1 missing, the first after slice 3 of 4",
    "sliceorientation/001": "mixed_orientation: ",
}


def parts_of(folder):
    """What the series of a folder fall into."""
    entries, _ = sort_rows(look_through([folder]))
    return find_parts(entries, IngestConfig())


def read(part):
    """The volume of a part."""
    files = [entry.path for entry in part.entries]
    numbers = part.numbers or {}
    return read_series_part(
        frames_of(files, [numbers.get(path) for path in files])
    ).volume


def assert_same(volume, reference):
    """Compare voxels and world positions; axes may be turned."""
    truth = on_grid_of(volume, reference, _HUNDREDTH)
    np.testing.assert_allclose(volume.array, truth.array, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(
    ("series", "reference", "times"),
    [
        *[
            (f"20180918GE/mr_000{n}", f"DCM2NIIX_regression_test_{n}", 10)
            for n in (4, 5, 6, 7)
        ],
        ("20180918Si/mr_0003", "EPI_PE=AP_3", 2),
        ("20180918Si/mr_0004", "EPI_PE=PA_4", 2),
        ("20180918Si/mr_0005", "EPI_PE=RL_5", 2),
        ("20180918Si/mr_0006", "EPI_PE=LR_6", 2),
    ],
)
def test_each_time_point_equals_its_reference(real_dicom, series, reference, times):
    """GE's 2D files by their numbers, Siemens' mosaics by acquisition."""
    parts = parts_of(real_dicom / "nih" / "In" / series)
    whole = read_volume(real_dicom / "nih" / "Ref" / f"{reference}.nii")
    assert len(parts) == len(whole.array) == times
    for part, channel in zip(parts, whole.array, strict=True):
        volume = read(part)
        truth = on_grid_of(volume, whole.with_array(channel[None]), _HUNDREDTH)
        np.testing.assert_array_equal(volume.array, truth.array)


def vendor_folders(root):
    """Folders of files, with their references if there are any."""
    folders = {path.parent for path in root.rglob("*") if path.suffix == ".dcm"}
    return {
        folder.relative_to(root).as_posix(): folder.with_name(
            f"{folder.name}_ground_truth.nii.gz"
        )
        for folder in sorted(folders)
    }


def test_series_of_all_makers_equal_their_references(real_dicom):
    root = real_dicom / "vendors"
    compared = 0
    for name, reference in vendor_folders(root).items():
        if name.startswith("failing/") and name != "failing/slicecount/001":
            continue
        (part,) = parts_of(root / name)
        if name in _NOT_FOLLOWED:
            assert part.reason.startswith(_NOT_FOLLOWED[name])
            continue
        assert part.reason == "", name
        assert_same(read(part), read_volume(reference))
        compared += 1
    assert compared == 19


@pytest.mark.parametrize("name", _FAILING)
def test_failing_series_have_their_verdict(real_dicom, name):
    (part,) = parts_of(real_dicom / "vendors" / "failing" / name)
    assert re.match(_FAILING[name], part.reason)
    assert part.wrong


def test_two_slices_are_exact_but_too_few(real_dicom):
    """The last of the failing series: right as a stack, useless for a study."""
    (part,) = parts_of(real_dicom / "vendors" / "failing" / "slicecount" / "001")
    with pytest.raises(GeometryError, match="the shortest axis has 2 voxels"):
        check_image(read(part), IngestConfig().min_voxels)


def test_a_long_series(real_dicom):
    (part,) = parts_of(real_dicom / "ge_t1" / "In")
    volume = read(part)
    assert volume.grid == (256, 256, 196)
    assert volume.array.dtype == np.int16
