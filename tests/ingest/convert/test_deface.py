"""The user's defacing command is run, and not believed."""

import shlex
import sys

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.config.section import parse_section
from medinorm.errors import ConfigError, ScanError
from medinorm.files.nifti import Volume, read_volume
from medinorm.ingest.convert.deface import deface_volume

VOLUME = Volume(np.arange(2 * 24.0).reshape(2, 2, 3, 4).astype(np.float32), np.eye(4))


def command(body):
    """A command that runs Python lines between reading and writing."""
    lines = f"""
import sys, nibabel, numpy
image = nibabel.load(sys.argv[1])
array, affine = image.get_fdata(dtype='f4'), image.affine
{body}
nibabel.Nifti1Image(array, affine).to_filename(sys.argv[2])
"""
    return shlex.join([sys.executable, "-c", lines]) + " {input} {output}"


def test_the_command_sees_each_channel_first(tmp_path):
    made = deface_volume(VOLUME, command("array[0] = -1"), tmp_path)
    expected = VOLUME.array.copy()
    expected[:, 0] = -1
    np.testing.assert_array_equal(made.array, expected)
    assert made.same_grid(VOLUME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("pass", "changed no voxel"),
        ("array = array[:1]", "changed the grid"),
        ("array[0] = 1; affine[0, 3] = 9", "changed the grid"),
        ("sys.exit(3)", "failed with code 3"),
        ("open(sys.argv[2], 'w').write('Doe'); sys.exit(0)", "wrote no NIfTI image"),
        ("sys.exit(0)", "wrote no NIfTI image"),
    ],
)
def test_what_goes_wrong_is_a_reason(tmp_path, body, reason):
    with pytest.raises(ScanError, match=reason):
        deface_volume(VOLUME, command(body), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_program_is_a_reason(tmp_path):
    with pytest.raises(ScanError, match="cannot be started"):
        deface_volume(VOLUME, "/nowhere/doe {input} {output}", tmp_path)


def test_ingest_writes_what_the_command_left(fake, tmp_path, ingest):
    series = fake.Series(fake.ramp())
    fake.save(series.datasets(), tmp_path / "dicom")
    fake.nifti(tmp_path / "l.nii.gz", fake.blocks(series.array.shape), series.affine)
    table = fake.table(
        tmp_path / "labels.tsv", [{"series_uid": series.uid, "label": "l.nii.gz"}]
    )
    source = {"dicom": (tmp_path / "dicom",), "labels": table}
    ingest(**source)
    settings = IngestConfig(deface=command("array[:4] = 0"))
    out = ingest(**source, ingest=settings)
    image = read_volume(out.results / "canonical" / out.scans[0]["image"])
    assert (image.array[0, :4] == 0).all()
    np.testing.assert_array_equal(image.array[0, 4:], series.array[4:])
    assert out.scans[0]["spacing"] == "1.25x1.5x2"


@pytest.mark.parametrize("words", ["tool", "tool {input}", 'tool "{input} {output}'])
def test_a_command_that_cannot_work_is_refused_at_once(words):
    with pytest.raises(ConfigError, match="deface"):
        parse_section(IngestConfig, {"deface": words})
