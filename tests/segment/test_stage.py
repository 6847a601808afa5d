"""New scans get the label maps that the workflow's own networks give them."""

import runpy
import sys
import zipfile
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


def ball():
    """A series on which the tiny network finds both labels."""
    x, y, z = np.indices((24, 24, 24)) - 12
    radius = np.sqrt(x**2 + y**2 + z**2)
    array = (100 + 300 * ((radius < 7) + (radius < 4)) + (x + y + z) % 5).astype("i2")
    return Fake(array, header={"PatientName": "SECRET^NAME"})


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


@pytest.mark.filterwarnings("ignore:parsing config_file")
def test_the_command_of_monai_makes_the_same_label_maps(
    made_bundle, tested, tmp_path, monkeypatch
):
    """`python -m monai.bundle run`, in this process: what the model card says."""
    pytest.importorskip("fire", reason="no fire: pip install 'medinorm[test]'")
    image, prediction = tested[0]
    bundle = made_bundle[1]
    words = ["--config_file", bundle / INFERENCE, "--meta_file", bundle / METADATA]
    words += ["--bundle_root", bundle, "--images", f"['{image}']"]
    words += ["--output_dir", tmp_path / "out", "--private_dir", tmp_path / "p"]
    monkeypatch.setattr(sys, "argv", ["monai.bundle", "run", *map(str, words)])
    runpy.run_module("monai.bundle", run_name="__main__", alter_sys=True)
    (made,) = segmented(tmp_path / "out")
    np.testing.assert_array_equal(
        read_volume(made).array, read_volume(prediction).array
    )


def test_several_calls_share_the_work(made_bundle, tested, tmp_path):
    output = tmp_path / "out"

    def call(shard):
        segment_scans(
            made_bundle[1],
            output,
            images=[image for image, _ in tested],
            private=tmp_path / "p",
            shard=shard,
            shards=2,
            ingest=KEEP,
        )
        page = (output / "segmentations.html").read_text()
        return segmented(output), len(read_table(output / "volumes.tsv")), page

    few, rows, page = call(0)
    assert rows == 2 * len(few) < 2 * len(tested)
    assert "it belongs to another shard" in page
    every, rows, page = call(1)
    assert rows == 2 * len(every) == 2 * len(tested)
    assert "it belongs to another shard" not in page
    assert {path.name for path in output.glob("segmented-*.tsv")} == {
        "segmented-0.tsv",
        "segmented-1.tsv",
    }


def test_an_archive_of_dicom_is_taken_and_no_name_in_it_is_used(made_bundle, tmp_path):
    paths = save(ball().datasets(), tmp_path / "files")
    with zipfile.ZipFile(tmp_path / "scan.zip", "w") as archive:
        for number, path in enumerate(paths):
            archive.write(path, f"SECRET/{number}")
        archive.writestr("../../evil.dcm", paths[0].read_bytes())
    segment_scans(
        made_bundle[1],
        tmp_path / "out",
        dicom=[tmp_path / "scan.zip"],
        private=tmp_path / "p",
        seg=tmp_path / "seg",
        ingest=IngestConfig(),
    )
    assert len(segmented(tmp_path / "out")) == 1
    assert len(list((tmp_path / "seg").glob("*.dcm"))) == 1
    assert not list(tmp_path.parent.rglob("evil.dcm"))
    assert not list((tmp_path / "p" / "unpacked").glob("*"))
    names = [path.name for path in (tmp_path / "out").rglob("*")]
    assert not any("SECRET" in name for name in names)


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
    series = ball()
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
    assert label_map.array.shape == (1, *series.array.shape)
    np.testing.assert_allclose(label_map.affine, series.affine, atol=1e-4)
    assert label_map.array[0, 12, 12, 12] != 0
    assert (label_map.array != 0).mean() < 0.5
    files = [path for path in output.rglob("*") if path.is_file()]
    texts = [path.name.encode() + path.read_bytes() for path in files]
    assert not any(b"SECRET" in text or b"patient-1" in text for text in texts)
