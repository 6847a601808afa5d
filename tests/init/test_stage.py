"""A study file is drafted once, and is a study."""

import numpy as np
import pytest
import yaml

from medinorm.config import parse_study
from medinorm.errors import StageError
from medinorm.files.nifti import Volume, write_volume
from medinorm.init.stage import draft_study


@pytest.fixture
def table(tmp_path):
    """A table of four scans from two sites."""
    lines = ["subject\timage\tsite"]
    for number in range(4):
        image = Volume(np.zeros((1, 40, 44, 12), np.float32), np.diag([1, 1, 4, 1.0]))
        write_volume(image, tmp_path / f"{number}.nii.gz")
        lines.append(f"{number}\t{number}.nii.gz\t{'ab'[number % 2]}")
    path = tmp_path / "scans.tsv"
    path.write_text("\n".join(lines))
    return path


def test_a_study_is_drafted(table, tmp_path, caplog):
    caplog.set_level("INFO")
    study = tmp_path / "new" / "study.yaml"
    draft_study(study, scans=table)
    values = parse_study(yaml.safe_load(study.read_text()))
    assert values.input.scans == table
    assert values.split.domain == ("site",)
    assert "# patch: [40, 40, 12]" in study.read_text()
    assert "# spacing: [1.0, 1.0, 4.0]" in study.read_text()
    # four norms, three seeds, two left out in turn and pooled
    assert "36 networks, 36 jobs" in caplog.text


def test_nothing_is_overwritten(table, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text("mine")
    with pytest.raises(StageError, match="there already; name another one"):
        draft_study(study, scans=table)
    assert study.read_text() == "mine"


def test_a_place_that_cannot_be_written_is_refused(table, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StageError, match=r"^--study: cannot be written there"):
        draft_study(tmp_path / "file" / "study.yaml", scans=table)


def test_what_cannot_be_drafted_is_refused_in_a_line(table, tmp_path):
    study = tmp_path / "study.yaml"
    for inputs, message in (
        ({}, "name one input"),
        ({"scans": table, "bids": tmp_path}, "name one input"),
        ({"scans": tmp_path / "sub-7.tsv"}, "--scans: there is no such table"),
        ({"scans": tmp_path}, "--scans: there is no such table"),
        ({"dicom": table}, "--dicom: there is no such folder"),
        ({"bids": tmp_path}, "no scan could be read there"),
        ({"dicom": tmp_path}, "no scan could be read there"),
    ):
        with pytest.raises(StageError, match=message) as caught:
            draft_study(study, **inputs)
        assert "sub-7" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not study.exists()
