import numpy as np
import pytest

from medinorm.errors import GeometryError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.convert.stack_channels import (
    check_one_scanner,
    check_one_space,
    stack_channels,
)
from medinorm.ingest.dicom.volume import Reading
from medinorm.records.scans import Identity

SKYRA = Identity(vendor="Siemens", model="Skyra", field_strength="3", device="a")


def reading(value=1, shift=0.0, **notes):
    affine = np.eye(4)
    affine[0, 3] = shift
    array = np.full((1, 8, 8, 8), value, np.int16)
    array[0, 0] = 0
    return Reading(Volume(array, affine), notes)


def stack(first, second, spaces=("1.2", "1.2")):
    readings = {"channel t1": first, "channel t2": second}
    named = dict(zip(readings, spaces, strict=True))
    return stack_channels(readings, named, 0.1)


@pytest.mark.parametrize("spaces", [("1.2", "1.2"), ("", ""), ("1.2", "")])
def test_equal_grids_are_stacked_as_they_are(spaces):
    stacked = stack(reading(5, PhilipsScaleSlope=2.0), reading(7), spaces)
    assert stacked.volume.array.dtype == np.int16
    assert stacked.volume.array[:, 3, 3, 3].tolist() == [5, 7]
    assert stacked.notes == {"PhilipsScaleSlope": 2.0}


def test_another_grid_in_one_space_is_resampled_and_said():
    stacked = stack(reading(5), reading(7, shift=2.0))
    assert stacked.volume.array[0, 3, 3, 3] == 5
    assert stacked.volume.array[1, :, 4, 4].tolist() == [0, 0, 0, 7, 7, 7, 7, 7]
    (change,) = stacked.notes["GeometryChanges"]
    assert change == (
        "channel t2: resampled onto the grid of the first channel, of which 25% lies "
        "outside"
    )


@pytest.mark.parametrize("spaces", [("", ""), ("1.2", ""), ("", "1.2")])
def test_another_grid_in_an_unknown_space_is_refused(spaces):
    with pytest.raises(GeometryError, match=r"channel t2: another grid .* register"):
        stack(reading(), reading(shift=2.0), spaces)


def test_channels_that_hardly_meet_are_refused():
    with pytest.raises(GeometryError, match="channel t2: covers 12% of the first"):
        stack(reading(), reading(shift=7.0))


def test_changes_of_each_channel_are_kept():
    changes = [{"GeometryChanges": [text]} for text in ("one", "two")]
    stacked = stack(reading(**changes[0]), reading(**changes[1]))
    assert set(stacked.notes["GeometryChanges"]) == {"one", "channel t2: two"}


def test_frames_of_reference():
    check_one_space({"channel t1": "1.2", "channel t2": "1.2", "channel t3": ""})
    with pytest.raises(GeometryError, match=r"channel t3: another frame .* register"):
        check_one_space({"channel t1": "1.2", "channel t2": "", "channel t3": "1.3"})


@pytest.mark.parametrize(
    ("column", "value"),
    [("vendor", "GE"), ("model", "Prisma"), ("field_strength", "1.5"), ("device", "b")],
)
def test_channels_come_from_one_scanner(column, value):
    other = SKYRA.with_columns(**{column: value})
    with pytest.raises(ReadError, match=r"channel t2: from another scanner .* by its"):
        check_one_scanner({"channel t1": SKYRA, "channel t2": other})
    unknown = SKYRA.with_columns(**{column: "", "echo_time": "0.1"})
    check_one_scanner({"channel t1": SKYRA, "channel t2": unknown})
