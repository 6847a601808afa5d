"""Image formats: a new one is one declaration."""

import json

import numpy as np
import pytest

from medinorm.declarations import read_declarations
from medinorm.errors import ReadError
from medinorm.files import formats
from medinorm.files.formats import image_format, image_suffixes, read_image
from medinorm.files.nifti import Volume, write_volume
from medinorm.ingest.bids.names import parse_name

VOLUME = Volume(
    np.arange(512, dtype=np.int16).reshape(1, 8, 8, 8), np.diag([2.0, 2.0, 3.0, 1.0])
)


def write_text_volume(volume, path):
    """A volume in a made-up format: JSON."""
    content = {"voxels": volume.array.tolist(), "affine": volume.affine.tolist()}
    path.write_text(json.dumps(content))


@pytest.fixture
def text_format(monkeypatch):
    """The one declaration that a new format needs."""
    monkeypatch.setattr(formats, "FORMATS", dict(formats.FORMATS))

    @image_format("Text", "a format for this test", suffixes=(".txtvol",))
    def read_text_volume(path):
        content = json.loads(path.read_text())
        return Volume(np.array(content["voxels"]), np.array(content["affine"]))

    return read_text_volume


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_nifti_is_read(tmp_path, name):
    write_volume(VOLUME, tmp_path / name)
    found = read_image(tmp_path / name)
    np.testing.assert_array_equal(found.array, VOLUME.array)
    assert found.same_grid(VOLUME)


def test_a_file_without_a_known_suffix_is_taken_for_nifti(tmp_path):
    write_volume(VOLUME, tmp_path / "a.nii")
    (tmp_path / "a.nii").rename(tmp_path / "a.hdr")
    assert read_image(tmp_path / "a.hdr").same_grid(VOLUME)
    (tmp_path / "b.txtvol").write_text("{} " * 200)
    with pytest.raises(ReadError, match="not a NIfTI image"):
        read_image(tmp_path / "b.txtvol")


@pytest.mark.usefixtures("text_format")
def test_a_declared_format_is_read(tmp_path):
    for name in ("a.txtvol", "A.TXTVOL"):
        write_text_volume(VOLUME, tmp_path / name)
        found = read_image(tmp_path / name)
        np.testing.assert_array_equal(found.array, VOLUME.array)
        assert found.same_grid(VOLUME)


@pytest.mark.usefixtures("text_format")
def test_a_declared_format_is_known_by_its_suffix(tmp_path):
    assert image_suffixes() == [
        *(".nii.gz", ".txtvol", ".nrrd", ".mha", ".mhd", ".nii"),
    ]
    file = parse_name(tmp_path / "sub-1_T1w.txtvol")
    assert (file.image, file.suffix, file.extension) == (True, "T1w", ".txtvol")


def test_declarations_are_what_is_registered():
    declared = read_declarations("medinorm.files.formats", "image_format")
    assert {name: known.text for name, known in formats.FORMATS.items()} == {
        name: found.text for name, found in declared.items()
    }
