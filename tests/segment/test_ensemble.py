"""Several networks decide by the mean of their probabilities."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from medinorm.bundle.contents import read_bundle, read_networks
from medinorm.harmonize.stage import Harmonizing, harmonize_scan
from medinorm.records.scans import read_scans
from medinorm.segment.ensemble import Ensemble


class Sure(nn.Module):
    """A network that is sure of one class everywhere."""

    def __init__(self, network, value, logit):
        super().__init__()
        self.network, self.value, self.logit = network, value, logit

    def forward(self, x):
        y = self.network(x) * 0
        y[:, self.value] += self.logit
        return y


def test_the_mean_decides(made_bundle, tmp_path):
    layout, bundle = made_bundle
    contents = read_bundle(bundle)
    (network,) = read_networks(bundle, contents)
    canonical = Path(layout.results) / "canonical"
    scan = next(iter(read_scans(Path(layout.scans), canonical).values()))
    networks = [Sure(network, 1, 1.0), Sure(network, 2, 9.0), Sure(network, 1, 0.5)]
    label_map, _ = Ensemble(contents, networks, tmp_path).look(scan, "")
    assert np.unique(label_map.array).tolist() == [2]
    networks = [*networks, networks[0]] * 2
    label_map, _ = Ensemble(contents, networks, tmp_path).look(scan, "a")
    assert label_map.array.dtype == np.uint8
    assert not list(tmp_path.iterdir())


def test_what_a_killed_call_left_of_another_bundle_is_not_used(made_bundle, tmp_path):
    """Only the fitted map differs, which the settings of a scan do not tell."""
    layout, bundle = made_bundle
    contents = read_bundle(bundle)
    networks = read_networks(bundle, contents)
    canonical = Path(layout.results) / "canonical"
    scan = next(iter(read_scans(Path(layout.scans), canonical).values()))
    scan = replace(scan, label=None)
    new, _ = Ensemble(contents, networks, tmp_path / "new").look(scan, "")
    learned = contents.fitted.map
    values = tuple(tuple(10 * value for value in own) for own in learned.values)
    other = replace(contents.fitted, map=replace(learned, values=values))
    job = Harmonizing(tmp_path / "old", "nyul", contents.harmonize, other)
    harmonize_scan(scan, job)
    assert list((tmp_path / "old").iterdir())
    again, _ = Ensemble(contents, networks, tmp_path / "old").look(scan, "")
    np.testing.assert_array_equal(new.array, again.array)
    assert not list((tmp_path / "old").iterdir())
