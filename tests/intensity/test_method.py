"""Every method of the configuration is declared, found and uses its options."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import get_args

import numpy as np
import pytest

from medinorm.choices import (
    FITTED_INTENSITIES,
    PER_SCAN_INTENSITIES,
    UNMEASURED_INTENSITIES,
    IntensityName,
)
from medinorm.config import IntensityOptions
from medinorm.files.nifti import Volume
from medinorm.harmonize.sample import Sample
from medinorm.intensity import methods
from medinorm.intensity.method import (
    LEARNED,
    PER_SCAN,
    MethodFacts,
    fit_scan,
    make_learned,
)
from medinorm.method_names import INTENSITY_DECLARATIONS

PACKAGE = Path(methods.__file__).parents[2]


def sample(gain=1.0, offset=0.0, *, seed=0, channels=("t1", "t2"), masked=True):
    """A head of three tissues in air, each channel brighter than the one before."""
    rng = np.random.default_rng(seed)
    index = np.stack(np.meshgrid(*[np.arange(24)] * 3, indexing="ij"), axis=-1)
    distance = np.linalg.norm(index - 11.5, axis=-1)
    tissue = np.digitize(distance, [5, 8, 11])
    levels = np.array([160.0, 110.0, 60.0, 0.0])
    image = np.abs(levels[tissue] + rng.normal(0, 5, tissue.shape))
    array = np.stack([(k + 1) * image for k in range(len(channels))])
    array = (gain * array + offset).astype(np.float32)
    masks = tuple((tissue < 3) if masked else None for _ in channels)
    return Sample(Volume(array, np.eye(4)), channels, masks, "refuse", {})


OPTIONS = IntensityOptions(group={"channels": [["t1", "t2"]]})


def map_of(name, scan, options=OPTIONS, training=None):
    """The map of a scan by a method, which learns from `training`."""
    if name in PER_SCAN_INTENSITIES:
        return fit_scan(name, scan, options.of(name))
    method = make_learned(name, options.of(name))
    learned = method.fit([method.measure(one) for one in training])
    return method.map_for(learned, scan)


def mapped(name, scan, options=OPTIONS, training=None):
    """A scan by a method, which learns from `training`."""
    return map_of(name, scan, options, training).apply(scan.array, scan.masks)


TRAINING = [sample(gain, seed=seed) for seed, gain in enumerate([1, 1.1, 4, 4.2])]


def test_what_is_declared_is_what_is_registered():
    for module in iter_modules(methods.__path__, f"{methods.__name__}."):
        import_module(module.name)
    assert PER_SCAN.keys() == PER_SCAN_INTENSITIES
    assert LEARNED.keys() == FITTED_INTENSITIES
    registered = PER_SCAN | LEARNED
    assert set(registered) == set(get_args(IntensityName))
    for name, declared in INTENSITY_DECLARATIONS.items():
        assert declared.text == registered[name].text
        assert declared.facts == registered[name].facts
        assert declared.module == registered[name].make.__module__
        assert set(declared.facts) <= MethodFacts.__optional_keys__


INVARIANT = sorted(
    set(get_args(IntensityName)) - UNMEASURED_INTENSITIES - {"cluster_instance"}
)


@pytest.mark.parametrize("name", INVARIANT)
def test_a_scanners_gain_vanishes(name):
    one = mapped(name, sample(), training=TRAINING)
    other = mapped(name, sample(50.0), training=TRAINING)
    # rounding takes single voxels to a neighbouring class
    differs = np.abs(one - other) > 2e-3 * np.abs(one).max()
    assert differs.mean() < (0.01 if name == "spatially_adaptive" else 1e-9)


@pytest.mark.parametrize("name", sorted(UNMEASURED_INTENSITIES))
def test_one_map_for_all_scans(name):
    one, other = (
        map_of(name, scan, training=TRAINING)
        for scan in (sample(), sample(2.0, seed=3))
    )
    assert one == other


def test_channels_of_a_group_keep_their_ratio():
    by_channel = mapped("zscore", sample())
    np.testing.assert_allclose(by_channel[0], by_channel[1], atol=1e-4)
    together = mapped("group", sample())
    np.testing.assert_allclose(together, mapped("layer", sample()), atol=1e-6)
    assert together[1].mean() > together[0].mean() + 0.3


def test_alpha_goes_from_the_scan_to_the_references():
    def spread(alpha, *, standardize=False):
        given = {"alpha": alpha, "standardize": standardize, "references": 4}
        options = IntensityOptions(adaptive_instance=given)
        images = [
            mapped("adaptive_instance", sample(gain), options, TRAINING)
            for gain in (1, 4)
        ]
        return images[1][0].std() / images[0][0].std()

    assert spread(0.0) == pytest.approx(4, rel=1e-3)
    assert spread(1.0) == pytest.approx(1, rel=1e-3)
    assert 1.1 < spread(0.5) < 3.9
    assert spread(0.5, standardize=True) == pytest.approx(spread(0.5), rel=1e-3)


def test_standardized_references_with_alpha_1_are_the_zscore():
    found = mapped("adaptive_instance", sample(), training=TRAINING)
    np.testing.assert_allclose(found, mapped("zscore", sample()), atol=1e-4)


def test_clusters_blend_the_scans_own_moments_with_those_of_its_like():
    def blended(blend):
        options = IntensityOptions(cluster_instance={"clusters": 2, "blend": blend})
        return mapped("cluster_instance", sample(4.1, seed=9), options, TRAINING)

    own, half, shared = (blended(blend) for blend in (0.0, 0.5, 1.0))
    np.testing.assert_allclose(own, mapped("zscore", sample(4.1, seed=9)), atol=1e-4)
    np.testing.assert_allclose(half, (own + shared) / 2, atol=1e-4)
    assert np.abs(shared - own).max() < 0.3  # the like are alike


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("percentile", {"percentiles": (10, 90)}),
        ("spatially_adaptive", {"classes": 2}),
        ("thumbnail_instance", {"source": "tiles", "size": 8, "tiles": 2}),
        ("nyul", {"percentiles": (5, 50, 95)}),
        ("nyul", {"scale": (0, 100)}),
        ("histogram", {"scale": (0, 100)}),
        ("histogram", {"quantiles": 4}),
        ("whitestripe", {"width": 0.2}),
        ("whitestripe", {"peak": "darkest"}),
        ("fcm", {"tissue": "darkest"}),
        ("kde", {"peak": "darkest"}),
        ("clip", {"low": 20, "high": 90}),
        ("window", {"center": 100, "width": 50}),
        ("cluster_instance", {"clusters": 1}),
        ("cluster_instance", {"blend": 1}),
        ("adaptive_instance", {"alpha": 0.3}),
        ("adaptive_instance", {"references": 1, "standardize": False}),
    ],
)
def test_each_parameter_makes_a_difference(name, given):
    before = mapped(name, sample(), training=TRAINING)
    options = IntensityOptions(**{name: given})
    after = mapped(name, sample(), options, TRAINING)
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("name", ["zscore", "percentile", "nyul", "kde"])
def test_masks_matter(name):
    inside = mapped(name, sample(), training=TRAINING)
    bare = [sample(g, seed=s, masked=False) for s, g in enumerate([1, 4])]
    everywhere = mapped(name, sample(masked=False), training=bare)
    assert np.abs(inside - everywhere).max() > 0.05


def test_references_are_spread_evenly():
    names = [f"{i:02d}" for i in range(20)]
    options = IntensityOptions(adaptive_instance={"references": 5})
    method = make_learned("adaptive_instance", options.of("adaptive_instance"))
    assert method.choose(names) == ["00", "04", "08", "12", "16"]
    assert method.choose(names[:3]) == names[:3]
    assert make_learned("nyul", options.of("nyul")).choose(names) == names


def test_an_option_that_a_method_does_not_know_is_refused():
    with pytest.raises(TypeError, match="peak"):
        fit_scan("fcm", sample(), {"tissue": "middle", "peak": "darkest"})
    with pytest.raises(TypeError, match="peak"):
        make_learned("population", {"peak": "darkest"})


NEW_METHOD = '''"""Bring the median of each channel to a level."""

from medinorm.intensity.maps.linear import LinearMap
from medinorm.intensity.method import PreparedScan, per_scan
from medinorm.intensity.statistics.quantiles import measure_quantiles


@per_scan("median", "the median of each scan at a level")
def map_median(scan: PreparedScan, *, level: float) -> LinearMap:
    """The factor of each channel."""
    medians = [
        float(measure_quantiles(channel, mask, [0.5])[0])
        for channel, mask in zip(scan.array, scan.masks, strict=True)
    ]
    return LinearMap((0.0,) * len(medians), tuple(m / level for m in medians))
'''
NEW_SECTION = '''class MedianOptions(MethodOptions):
    """`median`: the median of a scan goes to a level."""

    method = "median"

    level: float = Field(default=1.0, description="Where it goes.")


class _IntensityOptions('''
TRY = """
import json
from types import SimpleNamespace
import numpy as np
from medinorm.config import HarmonizeConfig
from medinorm.config.study import parse_study
from medinorm.intensity.method import fit_scan
from medinorm.layout import map_of
from medinorm.report.text.definitions import INTENSITIES

study = parse_study({
    "experiments": {"intensity": ["median"]},
    "harmonize": {"intensity_options": {"median": {"level": 5}}},
})
options = study.harmonize.intensity_options.of("median")
scan = SimpleNamespace(array=np.array([[1.0, 2.0, 9.0]]), masks=(None,))
print(json.dumps({
    "text": INTENSITIES["median"],
    "mapped": fit_scan("median", scan, options).apply(scan.array).tolist(),
    "recorded": study.harmonize.record("median", fitting=False)["options"],
    "of_all_splits": map_of("median", "some split") != "some split",
    "known": "median" in str(HarmonizeConfig.model_json_schema()),
}))
"""


def test_a_new_method_is_its_file_and_its_options(tmp_path):
    package = tmp_path / "medinorm"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "intensity" / "methods" / "median.py").write_text(NEW_METHOD)
    sections = package / "config" / "intensities.py"
    text = sections.read_text()
    assert text.count("class _IntensityOptions(") == 1
    sections.write_text(text.replace("class _IntensityOptions(", NEW_SECTION))
    done = subprocess.run(
        [sys.executable, "-c", TRY],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "text": "the median of each scan at a level",
        "mapped": [[2.5, 5.0, 22.5]],
        "recorded": {"level": 5.0},
        "of_all_splits": True,
        "known": True,
    }
