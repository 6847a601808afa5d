import hashlib

import numpy as np
import pytest

from medinorm.config import DemoConfig
from medinorm.demo import study
from medinorm.demo.study import MARK, label_map, simulate_scan, write_demo
from medinorm.errors import StageError
from medinorm.files.tables import read_table

TINY = DemoConfig(scanners=("ge_15t", "lowfield_64mt"), subjects=1, spacing=10.0)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(autouse=True)
def shared_atlas(monkeypatch, atlas):
    """Read once: it takes longer than a tiny study."""
    monkeypatch.setattr(study, "read_atlas", lambda: atlas)


def test_the_same_settings_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name
        write_demo(folder / "dicom", folder / "labels.tsv", settings=TINY)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_subject_does_not_depend_on_the_others(tmp_path):
    few, many = tmp_path / "few", tmp_path / "many"
    write_demo(few / "dicom", few / "labels.tsv", settings=TINY)
    more = TINY.model_copy(update={"subjects": 2, "scanners": TINY.scanners[::-1]})
    write_demo(many / "dicom", many / "labels.tsv", settings=more)
    few_files, many_files = digests(few), digests(many)
    assert few_files.pop("labels.tsv") != many_files.pop("labels.tsv")
    assert few_files.items() <= many_files.items()


def test_another_seed_is_another_study(atlas):
    scans = [
        simulate_scan(
            atlas, "ge_15t", 0, settings=TINY.model_copy(update={"seed": seed})
        )
        for seed in (0, 1)
    ]
    assert (scans[0].label != scans[1].label).mean() > 0.02


def test_subjects_and_scanners_see_different_people(atlas):
    first = simulate_scan(atlas, "ge_15t", 0, settings=TINY)
    second = simulate_scan(atlas, "ge_15t", 1, settings=TINY)
    assert (first.label != second.label).mean() > 0.02


def test_an_earlier_demo_is_replaced(tmp_path):
    dicom, labels = tmp_path / "dicom", tmp_path / "labels.tsv"
    two = TINY.model_copy(update={"subjects": 2})
    write_demo(dicom, labels, settings=two)
    (dicom / "stray.txt").write_text("left by a killed run")
    write_demo(dicom, labels, settings=TINY)
    assert len(read_table(labels)) == 2
    assert len([path for path in dicom.iterdir() if path.name != MARK]) == 2


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    dicom, labels = tmp_path / "hospital", tmp_path / "labels.tsv"
    dicom.mkdir()
    (dicom / "scan.dcm").write_bytes(b"precious")
    labels.write_text("mine")
    with pytest.raises(StageError, match="empty folder"):
        write_demo(dicom, labels, settings=TINY)
    assert (dicom / "scan.dcm").read_bytes() == b"precious"
    assert labels.read_text() == "mine"


def test_an_unfinished_demo_has_no_table(tmp_path, monkeypatch):
    dicom, labels = tmp_path / "dicom", tmp_path / "labels.tsv"
    write_demo(dicom, labels, settings=TINY)

    def full_disk(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(study, "write_slice", full_disk)
        with pytest.raises(OSError, match="No space"):
            write_demo(dicom, labels, settings=TINY)
    assert not labels.exists()
    write_demo(dicom, labels, settings=TINY)
    assert len(read_table(labels)) == 2


def test_label_map_takes_the_largest_share():
    # white, gray, fluid, bone, in four voxels
    fractions = np.array(
        [
            [0.6, 0.2, 0.1, 0.3],
            [0.4, 0.5, 0.2, 0.3],
            [0, 0.3, 0.6, 0.0],
            [0, 0, 0, 0.4],
        ],
        dtype=np.float32,
    )[:, :, np.newaxis, np.newaxis]
    assert label_map(fractions).ravel().tolist() == [1, 2, 3, 0]
