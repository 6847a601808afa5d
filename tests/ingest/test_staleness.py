"""What ingest wrote follows from its input; the machine's faults leave nobody out."""

import errno

import numpy as np
import pytest

from medinorm.config import IngestConfig
from medinorm.errors import StageError
from medinorm.files.sidecars import Provenance
from medinorm.ingest.convert import stage


@pytest.fixture
def cohort(fake, tmp_path):
    """Three NIfTI scans in a table: `folder/a.nii.gz` with `a_label.nii.gz`, ..."""
    rows = []
    for number, name in enumerate("abc"):
        fake.nifti(tmp_path / f"{name}.nii.gz", fake.ramp() + np.int16(number))
        fake.nifti(tmp_path / f"{name}_label.nii.gz", fake.blocks(fake.ramp().shape))
        row = {
            "subject": name,
            "image": f"{name}.nii.gz",
            "scanner": "x" if number else "y",
        }
        rows.append(row | {"label": f"{name}_label.nii.gz"})
    return rows, fake.table(tmp_path / "scans.tsv", rows)


@pytest.fixture
def run(ingest, cohort):
    """Ingest the cohort; gives the contents of all volumes by scan, and the table."""

    def call(**source):
        settings = source.pop("ingest", IngestConfig(subjects="keep"))
        _, table = cohort
        out = ingest(scans=table, columns=("scanner",), ingest=settings, **source)
        written = {
            (row["subject"], kind): (out.results / "canonical" / row[kind]).read_bytes()
            for row in out.scans
            for kind in ("image", "label")
        }
        return written, {row["subject"]: row for row in out.scans}

    return call


def differing(before, after):
    return {name for name in before if before[name] != after.get(name)}


def test_nothing_changed(run):
    assert run() == run()


def test_a_corrected_label_map(run, fake, tmp_path):
    before, table = run()
    label = np.roll(fake.blocks(fake.ramp().shape), 1, axis=0)
    fake.nifti(tmp_path / "b_label.nii.gz", label)
    after, again = run()
    assert differing(before, after) == {("b", "label")}
    assert differing(table, again) == {"b"}  # so that what follows is made again


def test_a_corrected_image(run, fake, tmp_path):
    before, table = run()
    fake.nifti(tmp_path / "c.nii.gz", fake.ramp() + np.int16(9))
    after, again = run()
    assert differing(before, after) == {("c", "image")}
    assert differing(table, again) == {"c"}


def test_a_corrected_domain(run, fake, cohort):
    before, table = run()
    rows, path = cohort
    fake.table(path, [rows[0] | {"scanner": "x"}, *rows[1:]])
    after, again = run()
    assert differing(before, after) == set()
    assert differing(table, again) == {"a"}


def test_other_label_values(run):
    before, _ = run()
    after, _ = run(label_values={2: "two", 1: "one"})
    assert before == after
    merged, _ = run(label_values={"both": [1, 2]})
    assert differing(before, merged) == {(name, "label") for name in "abc"}


def test_another_version_of_the_code(run, monkeypatch, tmp_path):
    run()
    sidecars = sorted(
        (tmp_path / "study" / "results" / "canonical").rglob("*_image.json")
    )
    before = [path.stat().st_mtime_ns for path in sidecars]
    monkeypatch.setattr(Provenance.__init__, "__defaults__", ("9.9.9",))
    run()
    assert all(
        path.stat().st_mtime_ns > time
        for path, time in zip(sidecars, before, strict=True)
    )


@pytest.mark.parametrize("kind", ["image", "label"])
def test_a_damaged_volume_is_made_again(run, tmp_path, kind):
    before, table = run()
    path = tmp_path / "study" / "results" / "canonical" / table["a"][kind]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run() == (before, table)


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_disk_that_does_not_answer_leaves_no_scan_out(run, monkeypatch, code):
    original = stage._write_scan

    def fail(reader, outputs, *more):
        if "sub-b" in str(outputs[0]):
            raise OSError(code, "text with a /path")
        original(reader, outputs, *more)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "_write_scan", fail)
        with pytest.raises(StageError, match=r"^convert: 1 of 3 not done: the disk"):
            run()
    written, _ = run()
    assert len(written) == 6
