"""What `ingest.geometry`, `ingest.time_points` and `ingest.select` make of a series."""

import argparse
import json
import re
import shlex

import nibabel as nib
import numpy as np
import pytest

from medinorm.cli.flags import add_flags, read_flags, write_flags
from medinorm.config import GeometryConfig, IngestConfig, SelectRule
from medinorm.config.section import parse_section
from medinorm.errors import ConfigError, GeometryError, StageError
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.ingest.dicom import geometry
from medinorm.ingest.dicom.frames import read_frames
from medinorm.ingest.dicom.volume import read_series_part
from tests.ingest.corpus.cases import CASES
from tests.ingest.corpus.series import CORONAL, Truth, save, slices
from tests.ingest.reading import read_series


def smooth(lean=(0.0, 0.0), **changes):
    """A volume that linear interpolation reproduces."""
    x, y, z = np.indices((20, 18, 17))
    return Truth((100 + 3 * x + 5 * y + 7 * z).astype(np.int16), lean=lean, **changes)


@pytest.fixture
def study(tmp_path, ingest):
    """Ingest files together with a label map on a given grid."""

    def run(datasets, grid, affine, **settings):
        save(datasets, tmp_path / "in")
        label = np.zeros((1, *grid), np.uint8)
        label[0, 2:9, 3:9, 2:9] = 1
        write_volume(Volume(label, affine), tmp_path / "label.nii")
        table = tmp_path / "labels.tsv"
        table.write_text("subject\tlabel\npatient-1\tlabel.nii\n")
        return ingest(
            dicom=[tmp_path / "in"],
            labels=table,
            ingest=IngestConfig(min_voxels=2, **settings),
        )

    return run


def images(out):
    """The volumes that were written, and their sidecars."""
    found = []
    for row in out.scans:
        path = out.results / "canonical" / row["image"]
        sidecar = json.loads(path.with_name(path.name[:-7] + ".json").read_text())
        found.append((read_volume(path), sidecar))
    return found


def uneven(truth, places):
    """Slices at other places than their number."""
    found = slices(truth)
    for ds, place in zip(found, places, strict=False):
        ds.ImagePositionPatient = [f"{x:.9g}" for x in truth.position(place)]
    return found


def test_tilt_stays_in_the_affine(study):
    truth = smooth(lean=(0.3, -0.5))
    policy = GeometryConfig(tilt="keep_shear")
    out = study(slices(truth), truth.array.shape, truth.affine, geometry=policy)
    ((volume, sidecar),) = images(out)
    np.testing.assert_array_equal(volume.array[0], truth.array)
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-4)
    (path,) = (out.results / "canonical").glob("sub-*/**/*_image.nii.gz")
    assert int(nib.load(path).header["qform_code"]) == 0
    (change,) = sidecar["GeometryChanges"]
    assert re.match(r"tilt: .* 16\.3 degrees: kept in the affine", change)


@pytest.mark.parametrize("lean", [(0.3, -0.5), (-0.7, 0.0), (0.0, 0.4)])
@pytest.mark.parametrize("directions", [smooth().directions, CORONAL])
def test_tilt_is_resampled_to_right_angles(tmp_path, lean, directions):
    """Each voxel has the value that the leaning volume has at its place."""
    truth = smooth(lean=lean, directions=directions)
    save(slices(truth), tmp_path)
    frames = [frame for path in tmp_path.iterdir() for frame in read_frames(path)]
    reading = read_series_part(frames, GeometryConfig(tilt="resample"))
    affine = reading.volume.affine
    axes = affine[:3, :3]
    np.testing.assert_allclose(axes.T @ axes, np.diag([1.25, 1.5, 2.0]) ** 2, atol=1e-6)
    voxels = np.stack(np.indices(reading.volume.grid), axis=-1).reshape(-1, 3)
    world = voxels @ axes.T + affine[:3, 3]
    inverse = np.linalg.inv(truth.affine)
    place = world @ inverse[:3, :3].T + inverse[:3, 3]
    values = reading.volume.array[0].reshape(-1)
    inside = ((place > -1e-6) & (place < np.array(truth.array.shape) - 1 + 1e-6)).all(1)
    expected = 100 + place[inside] @ [3, 5, 7]
    np.testing.assert_allclose(values[inside], expected, atol=1e-2)
    covered = (inside.reshape(reading.volume.grid)).sum() / truth.array.size
    assert covered > 0.85
    outside = ((place < -1) | (place > np.array(truth.array.shape))).any(1)
    assert (values[outside] == 100).all()
    assert outside.any()


def test_uneven_slices_are_interpolated(study):
    truth = smooth()
    places = [0, 1, 2.5, 3.5, 5.5, 6.5, *range(8, 17)]
    datasets = uneven(truth, places)[:15]
    x, y, _ = np.indices(truth.array.shape)
    policy = GeometryConfig(variable_spacing="resample")
    grid = Truth(truth.array, spacing=truth.spacing)
    out = study(datasets, truth.array.shape, grid.affine, geometry=policy)
    ((volume, sidecar),) = images(out)
    index = np.interp(np.arange(17), places, np.arange(15))
    expected = 100 + 3 * x + 5 * y + 7 * index
    np.testing.assert_allclose(volume.array[0], expected, atol=1e-3)
    (change,) = sidecar["GeometryChanges"]
    assert change == (
        "variable_spacing: distances of slices range from 2 to 4 mm: interpolated "
        "onto an even grid"
    )


def test_same_slices_are_dropped(study):
    truth = smooth()
    datasets = [*slices(truth), *slices(truth, first=50)[3:6]]
    policy = GeometryConfig(duplicate="drop_duplicates")
    out = study(datasets, truth.array.shape, truth.affine, geometry=policy)
    ((volume, sidecar),) = images(out)
    np.testing.assert_array_equal(volume.array[0], truth.array)
    assert sidecar["GeometryChanges"] == [
        "duplicate: 3 slices with the same pixels left out"
    ]


def test_other_slices_at_one_place_are_never_dropped(study):
    truth = smooth()
    other = slices(smooth(spacing=(1.25, 1.5, 2.0)), first=50)[3:4]
    other[0].PixelData = other[0].PixelData[::-1]
    policy = GeometryConfig(duplicate="drop_duplicates")
    with pytest.raises(StageError, match="not all with the same pixels"):
        study(
            [*slices(truth), *other], truth.array.shape, truth.affine, geometry=policy
        )


def test_nothing_is_changed_unless_the_policy_says_so(study):
    truth = smooth()
    out = study(slices(truth), truth.array.shape, truth.affine)
    ((volume, sidecar),) = images(out)
    np.testing.assert_array_equal(volume.array[0], truth.array)
    assert "GeometryChanges" not in sidecar


def test_only_the_first_time_point_is_kept(study):
    truth = smooth()
    datasets = []
    for time in (3, 1, 2):
        own = Truth(truth.array + np.int16(time))
        header = {"TemporalPositionIdentifier": time}
        datasets += slices(own, header=header, first=len(datasets) + 1)
    out = study(datasets, truth.array.shape, truth.affine, time_points="first")
    ((volume, _),) = images(out)
    np.testing.assert_array_equal(volume.array[0], truth.array + 1)
    reasons = sorted(row["reason"] for row in out.excluded)
    assert reasons == [
        f"time point {n} of 3; ingest.time_points keeps the first" for n in (2, 3)
    ]


RULES = [
    ({"modality": ["MR"]}, ""),
    ({"modality": ["CT", "PT"]}, "modality"),
    ({"description": "^ax.*T1"}, ""),
    ({"description": "flair"}, "description"),
    ({"orientation": ["axial", "coronal"]}, ""),
    ({"orientation": ["sagittal"]}, "orientation"),
    ({"max_spacing": 2.0}, ""),
    ({"max_spacing": 1.9}, "max_spacing"),
    ({"contrast_agent": True}, ""),
    ({"contrast_agent": False}, "contrast_agent"),
    ({"modality": ["CT"], "max_spacing": 1.0}, "modality and max_spacing"),
]


@pytest.mark.parametrize(("rule", "wrong"), RULES)
def test_all_keys_of_a_rule_must_fit(study, rule, wrong):
    truth = smooth()
    header = {"SeriesDescription": "AX t1 POST Poppins", "ContrastBolusAgent": "Gd"}
    select = (SelectRule(**rule),)
    datasets = slices(truth, header=header)
    if not wrong:
        out = study(datasets, truth.array.shape, truth.affine, select=select)
        assert len(out.scans) == 1
        return
    expected = f"not selected by ingest.select: rule 1 asks for another {wrong} "
    with pytest.raises(StageError, match=re.escape(expected)) as caught:
        study(datasets, truth.array.shape, truth.affine, select=select)
    assert "Poppins" not in str(caught.value)


def test_one_of_several_rules_must_fit(study):
    truth = smooth()
    rules = (SelectRule(modality=["CT"]), SelectRule(orientation=["axial"]))
    out = study(slices(truth), truth.array.shape, truth.affine, select=rules)
    assert len(out.scans) == 1


def test_a_description_is_no_pattern_by_accident():
    with pytest.raises(ValueError, match="description is no regular expression"):
        SelectRule(description="T1 (post")


def test_slices_that_were_moved_are_found_out(tmp_path, monkeypatch):
    """The last check: a stack that places a slice elsewhere than its header."""
    CASES["axial"].write(tmp_path)
    right = geometry._affine

    def shifted(planes, origin, step):
        return right(planes, origin + np.array([0, 0, 0.2]), step)

    monkeypatch.setattr(geometry, "_affine", shifted)
    with pytest.raises(GeometryError, match="jitter"):
        read_series(list(tmp_path.iterdir()))


def test_rules_and_policies_survive_the_command_line():
    settings = IngestConfig(
        geometry=GeometryConfig(tilt="keep_shear"),
        select=(SelectRule(modality=["MR"], description="t1|t2"), SelectRule()),
    )
    parser = argparse.ArgumentParser()
    add_flags(parser, IngestConfig)
    words = shlex.split(write_flags(settings))
    assert read_flags(parser.parse_args(words), IngestConfig) == settings


def test_an_unknown_key_of_a_rule_is_told_with_its_place():
    with pytest.raises(ConfigError, match=r"select, entry 1\.plane: unknown key; "):
        parse_section(IngestConfig, {"select": [{"plane": "axial"}]})


@pytest.mark.parametrize(
    ("names", "scanners"),
    [
        ({}, ["Siemens Prisma Fit 3T"]),
        ({"Prisma_fit": "Prisma"}, ["Siemens Prisma 3T"]),
        ({"siemens prisma fit 3T": "Hall 2"}, ["Hall 2"]),
    ],
)
def test_one_scanner_under_two_spellings_is_one_domain(study, names, scanners):
    truth = smooth()
    datasets = []
    for number, model in enumerate(("Prisma_fit", "MAGNETOM Prisma Fit"), 1):
        own = Truth(truth.array + np.int16(number))
        header = {"ManufacturerModelName": model}
        datasets += slices(own, f"1.2.3.{number}", header=header)
    out = study(datasets, truth.array.shape, truth.affine, scanners=names)
    assert sorted({row["scanner"] for row in out.scans}) == scanners
    assert len(out.scans) == 2


def test_names_of_scanners_survive_the_command_line():
    settings = IngestConfig(scanners={"Prisma_fit": "Prisma", "a b 3T": "c=d"})
    parser = argparse.ArgumentParser()
    add_flags(parser, IngestConfig)
    words = shlex.split(write_flags(settings))
    assert read_flags(parser.parse_args(words), IngestConfig) == settings
