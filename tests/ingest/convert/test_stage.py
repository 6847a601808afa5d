"""Each bad scan ends as one row with problem and remedy; the others go on."""

import gzip
import json

import nibabel as nib
import numpy as np
import pytest

from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import StageError
from medinorm.files.nifti import read_volume
from medinorm.files.tables import read_table
from medinorm.harmonize.sample import settle_nonfinite
from medinorm.ingest.convert.stage import convert_scans, output_paths
from medinorm.ingest.index import index_input
from medinorm.ingest.plan.candidates import read_plan
from medinorm.ingest.plan.stage import plan_scans
from medinorm.jobs.shards import shard_of
from medinorm.records.labels import read_ignored_value

AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])


def image_with(value):
    def change(fake, image, _):
        array = fake.ramp(dtype=np.float64)
        array[3, 4, 5:8] = value
        fake.nifti(image, array)

    return change


def image_of(make):
    return lambda fake, image, _: fake.nifti(image, make(fake))


def label_of(make):
    return lambda fake, _, label: fake.nifti(label, *make(fake))


def truncated(_fake, image, _):
    image.write_bytes(image.read_bytes()[:-300])


def truncated_inside(_fake, image, _):
    """A complete gzip stream around half a file."""
    content = gzip.decompress(image.read_bytes())
    image.write_bytes(gzip.compress(content[: len(content) // 2]))


def text_instead(_fake, image, _):
    image.write_text("not an image")


def gone(_fake, image, _):
    image.unlink()


def label_gone(_fake, _, label):
    label.unlink()


def complex_numbers(fake):
    return fake.ramp().astype(np.complex64)


def colours(fake):
    dtype = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    return np.zeros(fake.ramp().shape, dtype)


def moved(fake):
    affine = AFFINE.copy()
    affine[0, 3] = 0.5
    return fake.blocks(fake.ramp().shape), affine


def smaller(fake):
    return fake.blocks(fake.ramp().shape)[:-1], AFFINE


def stretched(fake):
    return fake.blocks(fake.ramp().shape), np.diag([1.0, 1.5, 2.1, 1.0])


def unknown_value(fake):
    return (fake.blocks(fake.ramp().shape, values=(1, 2, 7)),)


def interpolated(fake):
    return (fake.blocks(fake.ramp().shape).astype(np.float32) / 2,)


def not_finite(fake):
    labels = fake.blocks(fake.ramp().shape).astype(np.float32)
    labels[0, 0, 0] = np.nan
    return (labels,)


def several(fake):
    return (np.stack([fake.blocks(fake.ramp().shape)] * 2, axis=-1),)


CASES = [
    (image_with(np.nan), "3 of 6120 voxels are not finite numbers; repair"),
    (image_with(-np.inf), "3 of 6120 voxels are not finite numbers; repair"),
    (image_with(1e300), "3 of 6120 voxels are not finite"),
    (
        image_of(lambda _: np.full((20, 18, 17), 5, np.int16)),
        "all voxels have the same",
    ),
    (
        image_of(lambda _: np.full((20, 18, 17), 0.1, np.float32)),
        "all voxels have the same",
    ),
    (
        image_of(lambda fake: 1e6 + fake.ramp().astype(float) * 1e-6),
        "cannot hold the contrast; subtract the same number from all voxels",
    ),
    (image_of(lambda fake: fake.ramp()[:4]), "shortest axis has 4 voxels"),
    (image_of(complex_numbers), "complex numbers or colours"),
    (image_of(colours), "complex numbers or colours"),
    (
        image_of(lambda fake: np.stack([fake.ramp()] * 3, axis=-1)),
        "channel image: has 3 volumes",
    ),
    (image_of(lambda fake: fake.ramp()[0]), "channel image: has 2 axes"),
    (truncated, "channel image: truncated or damaged; copy"),
    (truncated_inside, "channel image: truncated or damaged; copy"),
    (text_instead, "channel image: "),
    (gone, "channel image: the file does not exist"),
    (label_gone, "label map: the file does not exist"),
    (label_of(moved), "label map: another grid: corners lie more than 0.1 voxels"),
    (label_of(smaller), "label map: another grid: 19x18x17 voxels, the image has 20x"),
    (label_of(stretched), "label map: another grid: corners"),
    (label_of(unknown_value), "label map: has values 7, which input.label_values"),
    (label_of(interpolated), "not whole numbers"),
    (label_of(not_finite), "not whole numbers"),
    (label_of(several), "label map: has 2 volumes"),
]


@pytest.fixture
def study(fake, tmp_path):
    """A table of two good scans."""
    rows = []
    for name in ("a", "b"):
        fake.nifti(tmp_path / f"{name}.nii.gz", fake.ramp(dtype=np.float32))
        fake.nifti(tmp_path / f"{name}_l.nii.gz", fake.blocks(fake.ramp().shape))
        rows.append(
            {"subject": name, "image": f"{name}.nii.gz", "label": f"{name}_l.nii.gz"}
        )
    (tmp_path / "b.nii.gz").unlink()
    fake.nifti(tmp_path / "b.nii.gz", fake.ramp(dtype=np.float32) + 1)
    return fake.table(tmp_path / "scans.tsv", rows)


@pytest.mark.parametrize(("change", "reason"), CASES)
def test_bad_scan_is_a_row_and_the_other_goes_on(
    fake, study, ingest, tmp_path, change, reason
):
    change(fake, tmp_path / "a.nii.gz", tmp_path / "a_l.nii.gz")
    out = ingest(scans=study)
    assert len(out.scans) == 1
    assert reason in out.reason("input.scans, line 2")
    assert len(list(out.results.rglob("*_image.nii.gz"))) == 1


def test_rounded_whole_numbers_are_told_in_the_sidecar(fake, study, ingest, tmp_path):
    fake.nifti(tmp_path / "a.nii.gz", fake.ramp().astype(np.uint32) * 40_001)
    out = ingest(scans=study)
    notes = [
        json.loads(path.read_text()).get("GeometryChanges", [""])[0]
        for path in out.results.rglob("*_image.json")
    ]
    assert sorted(notes) == [
        "",
        "voxels above 16777216 rounded to the nearest number of single precision",
    ]


def test_a_scan_gone_bad_leaves_no_old_output(study, ingest, tmp_path):
    assert len(ingest(scans=study).scans) == 2
    truncated(None, tmp_path / "a.nii.gz", None)
    out = ingest(scans=study)
    assert len(out.scans) == 1
    assert len(list((out.results / "canonical").rglob("sub-*_image.*"))) == 2
    assert len(list((out.results / "canonical").rglob("*_dseg.*"))) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"label_values": {1: "one", 2: "two", 3: "three"}},
        {"label_values": {1: "one", 2: "one"}},
        {"others": "background"},
        {"ignore": (7,)},
        {"ingest": IngestConfig(grid_tolerance=0.5)},
    ],
)
def test_changed_settings_make_scans_anew(study, ingest, change):
    before = ingest(scans=study).written
    after = ingest(scans=study, **change).written
    assert before.keys() == after.keys()
    assert all(after[name] > before[name] for name in before)


def test_changed_bytes_make_one_scan_anew(fake, study, ingest, tmp_path):
    before = ingest(scans=study).written
    fake.nifti(tmp_path / "a.nii.gz", fake.ramp(dtype=np.float32) * 2)
    after = ingest(scans=study).written
    assert sorted(after[name] > before[name] for name in before) == [False, True]


@pytest.mark.parametrize("changed", ["a.nii.gz", "a_l.nii.gz"])
def test_the_table_of_scans_changes_with_their_content(
    fake, study, ingest, tmp_path, changed
):
    """Snakemake compares checksums of tables to decide what to make anew."""
    before = {row["scan"]: row["content"] for row in ingest(scans=study).scans}
    array = fake.ramp(dtype=np.float32) * 2
    if changed == "a_l.nii.gz":
        array = fake.blocks(array.shape)[::-1]
    fake.nifti(tmp_path / changed, array)
    after = {row["scan"]: row["content"] for row in ingest(scans=study).scans}
    assert before.keys() == after.keys()
    assert sum(before[scan] != after[scan] for scan in before) == 1


def test_only_columns_that_are_asked_for_leave_the_plan(fake, study, ingest):
    rows = [
        row | {"patient_name": "Mary Poppins", "site": "north", "scanner": "mine"}
        for row in read_table(study)
    ]
    fake.table(study, rows)
    out = ingest(scans=study, columns=("site", "vendor"))
    for row, status in zip(out.scans, out.status, strict=True):
        assert (row["site"], row["scanner"], row["vendor"]) == ("north", "", "")
        assert "patient_name" not in row
        assert json.loads(status["facts"])["own"] == {"site": "north"}


def test_withdrawn_subjects_leave_no_volume(fake, study, ingest):
    ingest(scans=study, ingest=IngestConfig(subjects="keep"))
    fake.table(study, read_table(study)[:1])
    canonical = ingest(scans=study, ingest=IngestConfig(subjects="keep")).results
    names = {path.name for path in canonical.rglob("*sub-*")}
    assert names == {
        "sub-a",
        "sub-a_scans.tsv",
        "sub-a_image.nii.gz",
        "sub-a_image.json",
        "sub-a_dseg.nii.gz",
        "sub-a_dseg.json",
    }


def test_kept_names_go_when_pseudonyms_come(study, ingest):
    """A study that kept names and then does not has none of them left."""
    kept = ingest(scans=study, ingest=IngestConfig(subjects="keep"))
    assert list(kept.results.rglob("sub-a*"))
    out = ingest(scans=study)
    assert len(out.scans) == len(out.written) == 2
    assert not [*out.results.rglob("sub-a"), *out.results.rglob("sub-a_*")]


def test_several_channels_are_one_file(fake, tmp_path, ingest):
    first = fake.ramp()
    turned = first[:, ::-1].transpose(2, 0, 1)
    flip = np.diag([1.0, -1.0, 1.0, 1.0])
    flip[1, 3] = first.shape[1] - 1
    fake.nifti(tmp_path / "t1.nii.gz", first)
    fake.nifti(tmp_path / "t2.nii", turned * 2, (AFFINE @ flip)[:, [2, 0, 1, 3]])
    fake.nifti(tmp_path / "l.nii", fake.blocks(first.shape))
    row = {"subject": "a", "t1": "t1.nii.gz", "t2": "t2.nii", "label": "l.nii"}
    table = fake.table(tmp_path / "scans.tsv", [row])
    out = ingest(scans=table, channels=("t1", "t2"))
    volume = read_volume(out.results / "canonical" / out.scans[0]["image"])
    np.testing.assert_array_equal(volume.array, [first, first * 2])
    assert out.scans[0]["channels"] == "t1,t2"
    fake.nifti(tmp_path / "t2.nii", turned[:-1])
    with pytest.raises(StageError, match="channel t2: another grid"):
        ingest(scans=table, channels=("t1", "t2"))


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("uint8", "uint8"),
        ("int16", "int16"),
        (">i2", "int16"),
        ("float64", "float32"),
        ("int64", "float32"),
        ("uint16", "uint16"),
    ],
)
def test_data_types_on_disk(fake, tmp_path, ingest, dtype, stored):
    array = (fake.ramp() % 200).astype(dtype)
    image = nib.Nifti1Image(array, AFFINE, dtype=np.dtype(dtype))
    image.to_filename(tmp_path / "i.nii")
    fake.nifti(tmp_path / "l.nii", fake.blocks(array.shape))
    row = {"subject": "a", "image": "i.nii", "label": "l.nii"}
    out = ingest(scans=fake.table(tmp_path / "scans.tsv", [row]))
    volume = read_volume(out.results / "canonical" / out.scans[0]["image"])
    assert volume.array.dtype == stored
    np.testing.assert_array_equal(volume.array[0], array)


def test_shards_share_the_work(study, tmp_path):
    source = InputConfig(scans=study, label_values={1: "one", 2: "two"})
    private, canonical = tmp_path / "private", tmp_path / "canonical"
    plan = private / "plan.tsv"
    index = private / "index.jsonl"
    index_input(index, private=private, input=source)
    plan_scans(index, plan, private=private, input=source, ingest=IngestConfig())
    for shard in range(3):
        convert_scans(
            plan,
            canonical,
            tmp_path / f"{shard}.tsv",
            private=private,
            shard=shard,
            shards=3,
            columns=(),
            input=source,
            ingest=IngestConfig(),
        )
    candidates = read_plan(plan).candidates
    assert candidates
    for candidate in candidates:
        table = tmp_path / f"{shard_of(candidate.scan, 3)}.tsv"
        assert candidate.scan in {status["scan"] for status in read_table(table)}
        assert all((canonical / path).exists() for path in output_paths(candidate))
    for folder in (canonical, canonical / "derivatives" / "labels"):
        description = json.loads((folder / "dataset_description.json").read_text())
        assert description["GeneratedBy"][0]["Name"] == "medinorm"


def test_a_full_disk_stops_the_job(study, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    source = InputConfig(scans=study, label_values={1: "one", 2: "two"})
    private, plan = tmp_path / "private", tmp_path / "private" / "plan.tsv"
    index = private / "index.jsonl"
    index_input(index, private=private, input=source)
    plan_scans(index, plan, private=private, input=source, ingest=IngestConfig())
    monkeypatch.setattr("medinorm.ingest.convert.stage.write_volume", full)
    with pytest.raises(OSError, match="No space left"):
        convert_scans(
            plan,
            tmp_path / "canonical",
            tmp_path / "status.tsv",
            private=private,
            shard=0,
            shards=1,
            columns=(),
            input=source,
            ingest=IngestConfig(),
        )
    assert not (tmp_path / "status.tsv").exists()
    assert not list(tmp_path.rglob("*.nii.gz.*"))


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_voxels_that_are_not_finite_may_stay(fake, study, ingest, tmp_path, hole):
    array = fake.ramp(dtype=np.float32)
    array[:4] = hole
    fake.nifti(tmp_path / "a.nii.gz", array)
    assert len(ingest(scans=study).scans) == 1
    out = ingest(scans=study, ingest=IngestConfig(nonfinite="ignore", subjects="keep"))
    scan = next(row for row in out.scans if row["subject"] == "a")
    image = read_volume(out.results / "canonical" / scan["image"])
    np.testing.assert_array_equal(image.array[0], array)
    settled, count = settle_nonfinite(image.array, "ignore")
    assert count == array[:4].size
    assert (settled[0, :4] == array[4:].min()).all()


def test_a_healthy_control_is_used(fake, study, ingest, tmp_path):
    fake.nifti(tmp_path / "a_l.nii.gz", np.zeros(fake.ramp().shape, np.uint8))
    out = ingest(scans=study)
    assert len(out.scans) == 2
    labels = [read_volume(out.results / "canonical" / s["label"]) for s in out.scans]
    assert sorted(label.array.any() for label in labels) == [False, True]


def test_the_sidecar_names_the_ignored_value(fake, study, ingest, tmp_path):
    blocks = fake.blocks(fake.ramp().shape, values=(1, 2))
    blocks[0, 0, 0] = 9
    fake.nifti(tmp_path / "a_l.nii.gz", blocks)
    out = ingest(scans=study, ignore=9)
    values = set()
    for scan in out.scans:
        path = out.results / "canonical" / scan["label"]
        assert read_ignored_value(path) == 255
        values |= set(np.unique(read_volume(path).array).tolist())
    assert values == {0, 1, 2, 255}
