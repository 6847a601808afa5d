"""How predictions were scored is said; a tolerance below the voxels is warned of."""

import pytest

from medinorm.config import ScoreConfig
from medinorm.records.scans import Identity, ScanRow
from medinorm.report.text.scores import (
    describe_confidence,
    describe_scores,
    warn_small_tolerance,
)
from medinorm.score.calibration import BAND


def scans(*spacings):
    return [
        ScanRow(str(n), "1", None, "a", "b", ("image",), "", Identity(spacing=text))
        for n, text in enumerate(spacings)
    ]


@pytest.mark.parametrize("spacing", ["1x1x2", "2x2x2", None, "", "unknown", "=cmd"])
def test_a_tolerance_of_a_voxel_or_more_is_fine(spacing):
    assert warn_small_tolerance(scans(spacing), 2.0) == ""


def test_a_tolerance_below_the_voxels_is_warned_of_once():
    warning = warn_small_tolerance(scans("1x1x1", "1x1x3.6", "3x3x3", None), 2.0)
    assert warning.startswith("The voxels of 2 of 3 scans are up to 3.6 mm long")
    text = describe_scores(ScoreConfig(tolerance=2), scans("1x1x3.6"))
    assert sum("NSD says little" in sentence for sentence in text) == 1
    fine = describe_scores(ScoreConfig(tolerance=4), scans("1x1x3.6"))
    assert not any("NSD says little" in sentence for sentence in fine)


@pytest.mark.parametrize(
    ("surface", "said"), [("area", "by its area"), ("voxel", "NSD and HD95 count each")]
)
def test_the_flavour_of_the_surface_is_said(surface, said):
    text = " ".join(describe_scores(ScoreConfig(surface=surface), []))
    assert said in text


def test_what_fails_and_what_is_rightly_empty_is_said():
    text = " ".join(describe_scores(ScoreConfig(failure=0.7), []))
    assert "a Dice below 0.7" in text
    assert "no score, enters no mean, and is counted" in text
    assert "the configured limit" in " ".join(describe_scores(None, []))


def test_lesions_are_spoken_of_where_there_are_some():
    plain, lesions = (
        " ".join(describe_scores(ScoreConfig(lesions=names), []))
        for names in ((), ("stroke", "tumour"))
    )
    assert "Lesion" not in plain
    assert "Lesions are connected pieces of stroke, tumour." in lesions
    assert "Lesion F1:" in lesions


def test_the_band_of_confidence_is_the_one_that_was_measured():
    assert f"and {BAND:g} mm beyond" in " ".join(describe_confidence())
