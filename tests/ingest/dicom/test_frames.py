"""Headers that lie wildly: refused by name, never a crash or a warning."""

import numpy as np
import pydicom
import pytest

from medinorm.errors import ScanError
from medinorm.ingest.convert.checks import check_image
from medinorm.ingest.dicom.frames import frame_in, read_frames
from tests.ingest.corpus.series import mosaic, save, slices, volume
from tests.ingest.reading import read_series

EXTREMES = ("nan", "inf", "-inf", "1e308", "-1e308", "1e-308", "0", "-1", "1e17")


def set_position(ds, value):
    ds.ImagePositionPatient = ["1", value, "3"]


def set_direction(ds, value):
    ds.ImageOrientationPatient = ["1", value, "0", "0", "1", "0"]


def set_spacing(ds, value):
    ds.PixelSpacing = [value, "1.25"]


def set_slope(ds, value):
    ds.RescaleSlope, ds.RescaleIntercept = value, "0"


def set_intercept(ds, value):
    ds.RescaleSlope, ds.RescaleIntercept = "1", value


def set_keys(ds, value):
    ds.EchoTime = ds.TriggerTime = ds.InversionTime = value
    ds.TemporalPositionIdentifier = ds.AcquisitionNumber = "1"


CHANGES = [
    *(set_position, set_direction, set_spacing),
    *(set_slope, set_intercept, set_keys),
]


@pytest.mark.parametrize("value", EXTREMES)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("every", [1, 3])
def test_extreme_numbers(tmp_path, change, value, every):
    with pydicom.config.disable_value_validation():
        datasets = slices(volume())
        for ds in datasets[::every]:
            change(ds, value)
        save(datasets, tmp_path)
    try:
        found = read_series(list(tmp_path.iterdir()))
        check_image(found, 2)
    except ScanError:
        return
    assert np.isfinite(found.affine).all()
    if change in {set_position, set_direction, set_spacing}:
        for path in tmp_path.iterdir():
            (frame,) = read_frames(path)
            lps = found.affine[:3] * [[-1], [-1], [1]]
            index = np.linalg.solve(lps[:, :3], np.array(frame.position) - lps[:, 3])
            np.testing.assert_allclose(index[:2], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("values", "several"),
    [
        ({}, False),
        ({"NumberOfFrames": "1"}, False),
        ({"NumberOfFrames": "2"}, True),
        ({"ImageType": "ORIGINAL\\PRIMARY\\M\\MOSAIC"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1"}, True),
    ],
)
def test_which_files_have_to_be_read(tmp_path, values, several):
    found = frame_in(tmp_path, {"Rows": "4", "Columns": "5", **values})
    assert (found is None) == several


def test_a_tile_is_cut_out_of_its_stored_image(tmp_path):
    truth = volume()
    save([mosaic(truth)], tmp_path)
    (path,) = tmp_path.iterdir()
    frames = read_frames(path)
    stored = pydicom.dcmread(path).pixel_array
    cut = np.stack([frame.cut(stored).T for frame in frames], axis=-1)
    np.testing.assert_array_equal(cut, truth.array)
