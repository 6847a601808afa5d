"""What can be chosen: each method in one of the sets, each alias of one method."""

from typing import get_args

from medinorm import choices


def test_each_intensity_method_is_fitted_or_per_scan():
    names = set(get_args(choices.IntensityName))
    assert not choices.FITTED_INTENSITIES & choices.PER_SCAN_INTENSITIES
    assert names == choices.FITTED_INTENSITIES | choices.PER_SCAN_INTENSITIES
    assert {
        *("population", "adaptive_instance", "cluster_instance", "nyul", "histogram")
    } == choices.FITTED_INTENSITIES


def test_maps_that_no_scan_is_measured_for():
    assert {"none", "clip", "window", "population"} == choices.UNMEASURED_INTENSITIES


def test_zeros_are_made_by_z_scores_and_percentiles_only():
    others = {
        "none",
        "clip",
        "window",
        "nyul",
        "histogram",
        "whitestripe",
        "fcm",
        "kde",
    }
    assert not choices.ZEROING_INTENSITIES & others
    assert "zscore" in choices.ZEROING_INTENSITIES


def test_an_alias_is_no_name_of_another_method():
    names = set(get_args(choices.IntensityName))
    assert not choices.INTENSITY_ALIASES.keys() & names
    assert set(choices.INTENSITY_ALIASES.values()) <= names
    assert choices.INTENSITY_ALIASES["instance"] == "zscore"
