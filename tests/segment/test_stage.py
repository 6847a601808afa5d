"""New scans get the label maps that the workflow's own networks give them."""

from pathlib import Path

import numpy as np
import pytest
from monai.bundle import run

from medinorm.bundle.contents import INFERENCE, METADATA
from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.nifti import read_grid, read_volume
from medinorm.files.tables import read_table, write_table
from medinorm.segment.stage import segment_scans
from tests.ingest.conftest import Fake, save

KEEP = IngestConfig(subjects="keep")


@pytest.fixture
def tested(made_bundle):
    """A test scan of the study, and the label map that the workflow made."""
    layout, _ = made_bundle
    rows = read_table(Path(layout.splits))
    scans = [r["scan"] for r in rows if (r["split"], r["role"]) == ("pooled", "test")]
    folder = Path(layout.results)
    predictions = sorted(folder.glob("predictions/**/seed-0/*.nii.gz"))
    assert {path.name for path in predictions} == {f"{s}.nii.gz" for s in scans}
    return [(folder / "canonical" / path.name, path) for path in predictions]


def segmented(folder):
    return sorted((folder / "segmentations").glob("*.nii.gz"))


def test_label_maps_are_those_of_the_workflow(made_bundle, tested, tmp_path):
    images = [image for image, _ in tested]
    output = tmp_path / "out"
    segment_scans(
        made_bundle[1], output, images=images, private=tmp_path / "p", ingest=KEEP
    )
    made = segmented(output)
    assert len(made) == len(tested)
    for path, (image, prediction) in zip(made, tested, strict=True):
        ours, theirs = read_volume(path), read_volume(prediction)
        np.testing.assert_array_equal(ours.array, theirs.array)
        assert len(np.unique(ours.array)) > 1
        assert ours.same_grid(read_grid(image), 1e-4)
    volumes = read_table(output / "volumes.tsv")
    assert len(volumes) == 2 * len(made)
    voxels = np.count_nonzero(read_volume(made[0]).array == 1)
    assert float(volumes[0]["volume_ml"]) == pytest.approx(voxels / 1000)
    assert not list((output / "work").glob("*.nii"))


def test_a_second_call_does_nothing_and_a_lost_map_is_made_again(
    made_bundle, tested, tmp_path
):
    def call():
        folder = tested[0][0].parent
        segment_scans(
            made_bundle[1],
            tmp_path / "out",
            images=sorted(folder.glob("sub-[01]_T1w.nii.gz")),
            private=tmp_path / "p",
            ingest=KEEP,
        )
        return {path: path.stat().st_mtime_ns for path in segmented(tmp_path / "out")}

    first = call()
    assert call() == first
    lost, kept = first
    lost.unlink()
    again = call()
    assert again.keys() == first.keys()
    assert again[kept] == first[kept]


@pytest.mark.filterwarnings("ignore:parsing config_file")  # MONAI trusts no bundle
def test_monai_makes_the_same_label_maps(made_bundle, tested, tmp_path):
    image, prediction = tested[0]
    bundle = made_bundle[1]
    run(
        config_file=str(bundle / INFERENCE),
        meta_file=str(bundle / METADATA),
        bundle_root=str(bundle),
        images=[str(image)],
        output_dir=str(tmp_path / "out"),
        private_dir=str(tmp_path / "p"),
    )
    (made,) = segmented(tmp_path / "out")
    np.testing.assert_array_equal(
        read_volume(made).array, read_volume(prediction).array
    )


def test_a_table_of_scans_is_taken_too(made_bundle, tested, tmp_path):
    rows = [{"subject": "x", "image": str(tested[0][0])}]
    write_table(tmp_path / "t.tsv", rows, ("subject", "image"))
    segment_scans(
        made_bundle[1],
        tmp_path / "out",
        scans=tmp_path / "t.tsv",
        private=tmp_path / "p",
        ingest=KEEP,
    )
    assert [path.name for path in segmented(tmp_path / "out")] == [
        "sub-x_image.nii.gz",
    ]


def test_exactly_one_input_is_named(made_bundle, tmp_path):
    for named in ({}, {"images": [tmp_path], "dicom": [tmp_path]}):
        with pytest.raises(StageError, match="name one input"):
            segment_scans(made_bundle[1], tmp_path / "out", ingest=KEEP, **named)


def test_dicom_is_segmented_in_its_own_geometry(made_bundle, tmp_path):
    x, y, z = np.indices((24, 24, 24)) - 12
    radius = np.sqrt(x**2 + y**2 + z**2)
    array = (100 + 300 * ((radius < 7) + (radius < 4)) + (x + y + z) % 5).astype("i2")
    series = Fake(array, header={"PatientName": "SECRET^NAME"})
    save(series.datasets(), tmp_path / "dicom")
    output = tmp_path / "out"
    segment_scans(
        made_bundle[1],
        output,
        dicom=[tmp_path / "dicom"],
        private=tmp_path / "p",
        ingest=IngestConfig(),
    )
    (made,) = segmented(output)
    label_map = read_volume(made)
    assert label_map.array.shape == (1, *array.shape)
    np.testing.assert_allclose(label_map.affine, series.affine, atol=1e-4)
    assert label_map.array[0, 12, 12, 12] != 0
    assert (label_map.array != 0).mean() < 0.5
    files = [path for path in output.rglob("*") if path.is_file()]
    texts = [path.name.encode() + path.read_bytes() for path in files]
    assert not any(b"SECRET" in text or b"patient-1" in text for text in texts)
