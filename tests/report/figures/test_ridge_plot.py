"""Ridges: an axis on which all domains show, extremes that flatten nothing."""

import re

import numpy as np
import pytest

from medinorm.report.figures.ridge_plot import Ridge, draw_ridges


def ridge(domain, gain):
    """Two labels with intensities around 50 and 90, times a gain."""
    generator = np.random.default_rng(0)
    return Ridge(
        domain,
        {
            "dark": gain * generator.normal(50, 3, 500),
            "bright": gain * np.full(9, 90.0),
        },
    )


@pytest.mark.parametrize(("gain", "axis"), [(2.0, "linear"), (5000.0, "logarithmic")])
def test_ridges_choose_an_axis_on_which_all_domains_show(gain, axis):
    svg = draw_ridges([ridge("A", 1.0), ridge("B", gain)], ["dark", "bright"])
    assert f"({axis} axis, common to all)" in svg
    assert svg.count("density label-0") == svg.count("density label-1") == 2
    widths = [
        max(xs) - min(xs)
        for xs in (
            [float(x) for x in re.findall(r"([\d.]+) [\d.]+", path)]
            for path in re.findall(r'd="([^"]+)" class="density label-0"', svg)
        )
    ]
    assert min(widths) > 5


def heights(svg, label):
    """How far the curve of a label rises."""
    (path,) = re.findall(rf'd="([^"]+)" class="density label-{label}"', svg)
    ys = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", path)]
    return max(ys) - min(ys)


def test_what_was_cut_off_does_not_flatten_the_rest():
    generator = np.random.default_rng(1)
    samples = {
        "dark": np.zeros(4000),
        "bright": generator.normal(0.5, 0.1, 4000).clip(0, 1),
    }
    svg = draw_ridges([Ridge("A", samples)], ["dark", "bright"])
    assert heights(svg, 1) == pytest.approx(heights(svg, 0), rel=0.02)
    alone = draw_ridges([Ridge("A", {"dark": np.zeros(9)})], ["dark"])
    assert heights(alone, 0) > 50


def test_ridges_without_a_sample_are_an_empty_figure():
    empty = Ridge("A", {"dark": np.array([])})
    assert "density" not in draw_ridges([empty], ["dark"])


def test_the_narrow_figure_has_names_above_and_the_same_curves():
    ridges = [ridge("A", 1.0), ridge("B", 2.0)]
    wide, narrow = (
        draw_ridges(ridges, ["dark", "bright"], narrow=small) for small in (False, True)
    )
    assert 'viewBox="0 0 360 ' in narrow
    assert narrow.count("density label-0") == wide.count("density label-0")
    for label in (0, 1):
        one, other = (
            draw_ridges(ridges[:1], ["dark", "bright"], narrow=small)
            for small in (False, True)
        )
        assert heights(one, label) == pytest.approx(heights(other, label))
