"""Headers that contradict themselves: what both files share is right, or nothing."""

import nibabel as nib
import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.errors import GeometryError
from medinorm.files.nifti import Volume, read_volume
from medinorm.files.places import Place
from medinorm.files.sidecars import sidecar_path
from medinorm.files.tables import read_table
from medinorm.ingest.convert.settle import prefer_place, settle_places

GRID = (20, 18, 17)
SFORM = np.diag([1.0, 1.5, 2.0, 1.0])
TURNED = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.5)) @ SFORM
WIDE = np.diag([1.25, 1.5, 2.0, 1.0])
MIRRORED = np.diag([-1.0, 1.5, 2.0, 1.0])
MIRRORED[0, 3] = GRID[0] - 1
CONTRARY = [TURNED, WIDE, MIRRORED]


def volume(*affines, sources=("sform", "qform")):
    """A volume whose header has these transforms."""
    places = tuple(map(Place, sources, affines)) if len(affines) > 1 else ()
    return Volume(np.zeros((1, *GRID)), affines[0], places)


def unplaced(affine):
    return Volume(np.zeros((1, *GRID)), affine, (Place("pixdim", affine),))


@pytest.mark.parametrize("qform", CONTRARY)
def test_one_shared_transform_is_taken_and_said(qform):
    for right, source in ((SFORM, "sform"), (qform, "qform")):
        for pair in (
            (volume(SFORM, qform), volume(right)),
            (volume(right), volume(SFORM, qform)),
        ):
            settled = settle_places(*pair, "label map", 0.1)
            np.testing.assert_array_equal(settled.image.affine, right)
            np.testing.assert_array_equal(settled.other.affine, right)
            assert not settled.image.places + settled.other.places
            (note,) = settled.notes
            assert "contradict each other" in note
            assert f"{source} taken" in note


@pytest.mark.parametrize("qform", CONTRARY)
def test_two_shared_transforms_are_refused(qform):
    both = volume(SFORM, qform)
    with pytest.raises(GeometryError, match=r"sform and qform .* share both of them"):
        settle_places(both, both, "label map", 0.1)


@pytest.mark.parametrize("qform", [TURNED, WIDE])
def test_no_shared_transform_is_refused(qform):
    elsewhere = SFORM.copy()
    elsewhere[0, 3] = 9
    for pair in (
        (volume(SFORM, qform), volume(elsewhere)),
        (volume(elsewhere), volume(SFORM, qform)),
    ):
        with pytest.raises(GeometryError, match=r"sform and qform .* none of them"):
            settle_places(*pair, "label map", 0.1)


def test_different_contradictions_may_share_one_transform():
    settled = settle_places(
        volume(SFORM, WIDE), volume(SFORM, TURNED), "label map", 0.1
    )
    np.testing.assert_array_equal(settled.other.affine, SFORM)
    assert len(settled.notes) == 2


def test_a_turned_partner_decides_unless_it_is_mirrored():
    flip = np.diag([1.0, -1, 1, 1])
    flip[1, 3] = GRID[1] - 1
    settled = settle_places(
        volume(SFORM, TURNED), volume(SFORM @ flip), "label map", 0.1
    )
    np.testing.assert_array_equal(settled.image.affine, SFORM)
    with pytest.raises(GeometryError, match="share both of them"):
        settle_places(volume(SFORM, MIRRORED), volume(SFORM @ flip), "label map", 0.1)


def test_without_any_place_equal_sizes_are_enough():
    settled = settle_places(unplaced(SFORM), unplaced(SFORM), "label map", 0.1)
    assert not settled.image.places
    assert all("neither sform nor qform" in note for note in settled.notes)
    with pytest.raises(GeometryError, match="differ in grid or voxel sizes"):
        settle_places(unplaced(SFORM), unplaced(WIDE), "label map", 0.1)
    with pytest.raises(GeometryError, match="label map: the header has neither"):
        settle_places(volume(WIDE), unplaced(SFORM), "label map", 0.1)
    with pytest.raises(GeometryError, match="image: the header has neither"):
        settle_places(unplaced(SFORM), volume(WIDE), "label map", 0.1)


def test_certain_headers_pass_as_they_are():
    one, other = volume(SFORM), volume(WIDE)
    settled = settle_places(one, other, "label map", 0.1)
    assert (settled.image, settled.other, settled.notes) == (one, other, ())


def test_the_user_may_say_which_transform_is_right():
    for source, affine in (("sform", SFORM), ("qform", WIDE)):
        chosen, (note,) = prefer_place(volume(SFORM, WIDE), source)
        np.testing.assert_array_equal(chosen.affine, affine)
        assert "taken as configured" in note
    for kept in (volume(SFORM), unplaced(SFORM), volume(SFORM, WIDE)):
        assert prefer_place(kept, "shared") == (kept, ())
    without = volume(SFORM, WIDE, sources=("sform", "pixdim"))
    assert prefer_place(without, "qform") == (without, ())


def write(path, array, sform, qform):
    image = nib.Nifti1Image(array, SFORM)
    image.set_qform(qform, code=1)
    image.set_sform(sform, code=1)
    image.to_filename(path)


@pytest.fixture
def study(fake, tmp_path):
    """One scan of two channels, all of whose files say sform and another qform."""
    for name in ("t1", "t2"):
        write(tmp_path / f"{name}.nii", fake.ramp(), SFORM, TURNED)
    write(tmp_path / "l.nii", fake.blocks(GRID), SFORM, TURNED)
    row = {"subject": "a", "t1": "t1.nii", "t2": "t2.nii", "label": "l.nii"}
    return fake.table(tmp_path / "scans.tsv", [row])


@pytest.mark.parametrize("right", [SFORM, TURNED])
def test_a_label_map_decides_for_all_channels(fake, study, ingest, tmp_path, right):
    write(tmp_path / "l.nii", fake.blocks(GRID), right, right)
    out = ingest(scans=study, channels=("t1", "t2"))
    image, label = (
        out.results / "canonical" / out.scans[0][role] for role in ("image", "label")
    )
    np.testing.assert_allclose(read_volume(image).affine, right, atol=1e-5)
    assert (read_volume(label).array == fake.blocks(GRID)).all()
    assert "contradict each other (turned)" in sidecar_path(image).read_text()


@pytest.mark.parametrize("place", ["sform", "qform"])
def test_a_setting_decides_where_files_do_not(study, ingest, place):
    with pytest.raises(Exception, match=r"sform and qform .* ingest\.nifti_place"):
        ingest(scans=study, channels=("t1", "t2"))
    out = ingest(
        scans=study, channels=("t1", "t2"), ingest=IngestConfig(nifti_place=place)
    )
    image = out.results / "canonical" / out.scans[0]["image"]
    right = SFORM if place == "sform" else TURNED
    np.testing.assert_allclose(read_volume(image).affine, right, atol=1e-5)
    assert f"{place} taken as configured" in sidecar_path(image).read_text()


def test_headers_without_a_place_are_taken_and_said(fake, ingest, tmp_path):
    for name, array in (("i.nii", fake.ramp()), ("l.nii", fake.blocks(GRID))):
        image = nib.Nifti1Image(array, None)
        image.header.set_zooms((1, 1.5, 2))
        image.to_filename(tmp_path / name)
    row = {"subject": "a", "image": "i.nii", "label": "l.nii"}
    out = ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
    image = out.results / "canonical" / out.scans[0]["image"]
    volume = read_volume(image)
    np.testing.assert_array_equal(volume.array[0], fake.ramp())
    assert volume.spacing == (1, 1.5, 2)
    assert "neither sform nor qform" in sidecar_path(image).read_text()
    assert read_table(out.results / "scans.tsv")[0]["spacing"]
