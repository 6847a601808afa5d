"""A new image format goes through the whole stage by its declaration alone."""

import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from medinorm.errors import StageError
from medinorm.files import formats
from medinorm.files.formats import image_format, read_image
from medinorm.files.nifti import Volume

VOXELS = np.arange(4096, dtype=np.int16).reshape(16, 16, 16)
LABELS = (VOXELS % 3).astype(np.uint8)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


@pytest.fixture
def numpy_format(monkeypatch):
    """Files that hold voxels and nothing else, all at one place."""
    monkeypatch.setattr(formats, "FORMATS", dict(formats.FORMATS))

    @image_format("NumPy", "a format for this test", suffixes=(".npy",))
    def read_numpy(path):
        return Volume(np.load(path)[np.newaxis], AFFINE)

    return read_numpy


@pytest.mark.usefixtures("numpy_format")
def test_a_table_may_name_files_of_a_declared_format(fake, ingest, tmp_path):
    np.save(tmp_path / "a.npy", VOXELS)
    np.save(tmp_path / "a_label.npy", LABELS)
    row = {"subject": "a", "image": "a.npy", "label": "a_label.npy"}
    out = ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
    (scan,) = out.scans
    image, label = (
        read_image(out.results / "canonical" / scan[role])
        for role in ("image", "label")
    )
    np.testing.assert_array_equal(image.array[0], VOXELS)
    np.testing.assert_array_equal(label.array[0], LABELS)
    np.testing.assert_array_equal(image.affine, AFFINE)


@pytest.mark.usefixtures("numpy_format")
def test_a_data_set_may_hold_files_of_a_declared_format(ingest, tmp_path):
    for folder, name, array in (
        ("sub-1/anat", "sub-1_T1w.npy", VOXELS),
        ("derivatives/sub-1/anat", "sub-1_dseg.npy", LABELS),
    ):
        (tmp_path / "bids" / folder).mkdir(parents=True)
        np.save(tmp_path / "bids" / folder / name, array)
    out = ingest(bids=tmp_path / "bids")
    assert len(out.scans) == 1


def write_itk(path, array, affine):
    """A NRRD file or MetaImage of an array of shape (X, Y, Z)."""
    lps = np.diag([-1.0, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image = sitk.GetImageFromArray(array.T)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    sitk.WriteImage(image, str(path))


@pytest.mark.parametrize("image", ["a.nrrd", "a.mha", "a.mhd", "a.nii.gz"])
@pytest.mark.parametrize("label", ["l.nrrd", "l.mha", "l.mhd", "l.nii"])
def test_formats_may_be_mixed(fake, ingest, tmp_path, image, label):
    write_itk(tmp_path / image, VOXELS, AFFINE)
    write_itk(tmp_path / label, LABELS, AFFINE)
    row = {"subject": "a", "image": image, "label": label}
    out = ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
    (scan,) = out.scans
    volumes = [
        read_image(out.results / "canonical" / scan[role])
        for role in ("image", "label")
    ]
    for volume, array in zip(volumes, (VOXELS, LABELS), strict=True):
        np.testing.assert_array_equal(volume.array[0], array)
        np.testing.assert_allclose(volume.affine, AFFINE, atol=1e-5)


def test_other_voxels_beside_a_header_make_the_scan_anew(fake, ingest, tmp_path):
    write_itk(tmp_path / "a.mhd", VOXELS, AFFINE)
    write_itk(tmp_path / "l.nrrd", LABELS, AFFINE)
    row = {"subject": "a", "image": "a.mhd", "label": "l.nrrd"}
    table = fake.table(tmp_path / "scans.tsv", [row])
    ingest(scans=table)
    (tmp_path / "a.raw").write_bytes((VOXELS + 1).tobytes(order="F"))
    out = ingest(scans=table)
    volume = read_image(out.results / "canonical" / out.scans[0]["image"])
    np.testing.assert_array_equal(volume.array[0], VOXELS + 1)
    (tmp_path / "a.raw").unlink()
    with pytest.raises(
        StageError, match="channel image: MetaImage: its file of voxels"
    ):
        ingest(scans=table)


@pytest.mark.parametrize("name", ["l.nrrd", "L.MHA", "l.nii.gz"])
def test_a_label_map_in_an_archive_is_read_by_its_name(fake, ingest, tmp_path, name):
    series = fake.Series(fake.ramp())
    fake.save(series.datasets(), tmp_path / "dicom")
    labels = fake.blocks(series.array.shape)
    write_itk(tmp_path / name.lower(), labels, series.affine)
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        archive.write(tmp_path / name.lower(), name)
    row = {"series_uid": series.uid, "label": f"labels.zip/{name}"}
    table = fake.table(tmp_path / "labels.tsv", [row])
    out = ingest(dicom=(tmp_path / "dicom",), labels=table)
    volume = read_image(out.results / "canonical" / out.scans[0]["label"])
    np.testing.assert_array_equal(volume.array[0], labels)


def test_files_of_no_declared_format_are_refused(fake, ingest, tmp_path):
    np.save(tmp_path / "a.npy", VOXELS)
    np.save(tmp_path / "a_label.npy", LABELS)
    row = {"subject": "a", "image": "a.npy", "label": "a_label.npy"}
    with pytest.raises(StageError, match=r"no usable scan: .*not a NIfTI image"):
        ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
