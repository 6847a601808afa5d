"""Stacks that lost slices at an end, by what different makers write."""

import pytest

from medinorm.config import GeometryConfig, IngestConfig
from medinorm.ingest.index import look_through
from medinorm.ingest.plan.dicom_entries import sort_rows
from medinorm.ingest.plan.judge_series import find_parts
from tests.ingest.corpus.series import (
    CORONAL,
    EnhancedFrame,
    enhanced,
    save,
    slices,
    volume,
    voxels,
)

GE = (0x0021, "GEMS_RELA_01", 0x4F)
PHILIPS = (0x2001, "Philips Imaging DD 001", 0x18)


def series_of(count=20, *, uid="1.2.3.9", first=1, private=(), times=1, **header):
    """A series of one volume after the other, of so many slices."""
    datasets = []
    for time in range(times):
        truth = volume(array=voxels((6, 5, count)) + time)
        number = first + time * count
        datasets += slices(truth, uid, header=header, first=number)
    for ds in datasets:
        if private:
            group, creator, element, value = private
            block = ds.private_block(group, creator, create=True)
            block.add_new(element, "SL", value)
    return datasets


def reasons_of(datasets, folder, **geometry):
    """The reasons of all parts, and what is noted of them."""
    save(datasets, folder)
    entries, _ = sort_rows(look_through([folder]))
    ingest = IngestConfig(geometry=GeometryConfig(**geometry))
    parts = find_parts(entries, ingest)
    return [part.reason for part in parts], [note for p in parts for note in p.notes]


def lacks(reasons, missing, expected, there):
    """Whether all parts say that slices are missing at an end."""
    text = (
        f"missing_slices: {missing} missing at an end, the headers count {expected} "
        f"slices and {there} are here; copy the whole series again, or set "
        "ingest.geometry.cut_off"
    )
    return bool(reasons) and set(reasons) == {text}


IMAGES = {"ImagesInAcquisition": 20}
DECLARED = {
    "images": IMAGES,
    "GE": {"private": (*GE, 20), "Manufacturer": "GE MEDICAL SYSTEMS"},
    "GE, both": IMAGES | {"private": (*GE, 20), "Manufacturer": "GE MEDICAL SYSTEMS"},
    "Philips": {"private": (*PHILIPS, 20), "Manufacturer": "Philips"},
    "PET": {
        "NumberOfSlices": 20,
        "Modality": "PT",
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
    },
    "numbers": {},
}
CUTS = {
    "first": slice(3, None),
    "last, numbered from above": slice(None, -3),
    "both ends": slice(1, -2),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("name", DECLARED)
def test_slices_missing_at_an_end_are_found(tmp_path, name, cut):
    datasets = series_of(**DECLARED[name])
    assert reasons_of(datasets, tmp_path / "whole") == ([""], [])
    if cut.startswith("last"):
        for ds in datasets:
            ds.InstanceNumber = 21 - ds.InstanceNumber
    reasons, _ = reasons_of(datasets[CUTS[cut]], tmp_path / "cut")
    known = 18 if name == "numbers" and cut == "both ends" else 20
    assert lacks(reasons, known - 17, known, 17)


@pytest.mark.parametrize("name", [name for name in DECLARED if name != "numbers"])
def test_most_slices_may_be_missing(tmp_path, name):
    datasets = series_of(**DECLARED[name])[:7]
    reasons, _ = reasons_of(datasets, tmp_path)
    assert lacks(reasons, 13, 20, 7)


def test_half_of_the_images_are_missing_if_nobody_has_the_others(tmp_path):
    datasets = series_of(**IMAGES, AcquisitionTime="101500")[:10]
    other = {"uid": "1.2.3.8", "AcquisitionTime": "101500"}
    reasons, _ = reasons_of(datasets, tmp_path / "half")
    assert lacks(reasons, 10, 20, 10)
    # The second echo of the acquisition, in a series of its own.
    both = [*datasets, *series_of(10, **IMAGES, **other)]
    for number, ds in enumerate(both):
        ds.SOPInstanceUID = f"1.2.{number + 1}"
    reasons, _ = reasons_of(both, tmp_path / "both")
    assert reasons == ["", ""]


def several(count, key, values, *, images, cut=None):
    """One series of volumes at one place that share an acquisition."""
    datasets = []
    for number, value in enumerate(values):
        own = series_of(count, first=1 + number * count, **{key: value})
        datasets += own[:cut]
    for ds in datasets:
        ds.ImagesInAcquisition = images
    return datasets


SEVERAL = [
    ("EchoTime", (5, 10)),
    ("TemporalPositionIdentifier", (1, 2, 3)),
    ("FlipAngle", (3, 15)),
    ("AcquisitionNumber", (1, 2)),
]


@pytest.mark.parametrize(("key", "values"), SEVERAL)
@pytest.mark.parametrize("shared", [False, True])
def test_several_volumes_may_share_the_count(tmp_path, key, values, shared):
    images = 20 * len(values) if shared else 20
    whole = several(20, key, values, images=images)
    reasons, _ = reasons_of(whole, tmp_path / "whole")
    assert reasons == [""] * len(values)
    short = several(20, key, values, images=images, cut=17)
    reasons, _ = reasons_of(short, tmp_path / "short")
    assert lacks(reasons, 3, 20, 17)


def test_places_of_three_directions_may_be_counted_together(tmp_path):
    datasets = []
    for number, directions in enumerate((volume().directions, CORONAL)):
        truth = volume(array=voxels((6, 5, 8 + number)), directions=directions)
        datasets += slices(truth, first=len(datasets) + 1)
    for ds in datasets:
        ds.ImagesInAcquisition = 17
    assert reasons_of(datasets, tmp_path) == (["", ""], [])


def test_images_that_are_not_used_count(tmp_path):
    """Magnitude and phase of one acquisition."""
    datasets = several(20, "EchoTime", (5, 5), images=40)
    for ds in datasets[20:]:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "P", "ND"]
    reasons, _ = reasons_of(datasets, tmp_path)
    assert sorted(reasons) == ["", "phase, real or imaginary part, not magnitude"]


def test_groups_of_a_sequential_scan_may_count_their_own_images(tmp_path):
    """The last one may have fewer: such counts say nothing about the whole."""
    datasets = series_of(20, ImagesInAcquisition=4)
    for number, ds in enumerate(datasets):
        ds.AcquisitionNumber = number // 4 + 1
    assert reasons_of(datasets, tmp_path / "whole") == ([""], [])
    assert reasons_of(datasets[:-1], tmp_path / "fewer") == ([""], [])


@pytest.mark.parametrize("passes", [1, 2, 20])
def test_the_number_of_the_acquisition_may_count_slices_or_passes(tmp_path, passes):
    """All of them together have the images that are counted."""
    datasets = series_of(20, **IMAGES)
    for number, ds in enumerate(datasets):
        ds.AcquisitionNumber = number % passes + 1
    assert reasons_of(datasets, tmp_path / "whole") == ([""], [])
    reasons, _ = reasons_of(datasets[:-3], tmp_path / "short")
    assert lacks(reasons, 3, 20, 17)


@pytest.mark.parametrize(
    "header",
    [
        {"first": 112},  # goes on after another series
        {"first": 0},
        {"ImagesInAcquisition": 0},
        {"ImagesInAcquisition": 10},  # fewer than there are
        {"ImagesInAcquisition": 25, "ImageType": ["DERIVED", "SECONDARY", "MPR"]},
        {"NumberOfSlices": 99},  # not PET
        {"private": (*GE, 10), "ImagesInAcquisition": 99, "Manufacturer": "GE"},
    ],
    ids=str,
)
def test_counts_that_tell_nothing_are_not_used(tmp_path, header):
    assert reasons_of(series_of(**header), tmp_path) == ([""], [])


@pytest.mark.parametrize("step", [2, 5])
def test_numbers_between_may_be_those_of_other_volumes(tmp_path, step):
    datasets = series_of()
    for ds in datasets:
        ds.InstanceNumber = 3 + step * ds.InstanceNumber
    assert reasons_of(datasets, tmp_path) == ([""], [])


def test_slices_of_one_file_are_not_counted(tmp_path):
    truth = volume(array=voxels((6, 5, 4)))
    frames = [EnhancedFrame(truth, number) for number in range(4)]
    stored = [truth.array[:, :, number] for number in range(4)]
    ds = enhanced(frames, stored, header={"ImagesInAcquisition": 20})
    assert reasons_of([ds], tmp_path) == ([""], [])


def test_what_is_there_may_be_kept(tmp_path):
    datasets = series_of(**DECLARED["GE, both"])[:-3]
    reasons, notes = reasons_of(datasets, tmp_path, cut_off="keep")
    assert reasons == [""]
    assert notes == [
        "missing_slices: 3 missing at an end, the headers count 20 slices and 17 are "
        "here: kept"
    ]
