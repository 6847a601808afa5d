"""A bundle knows the training scans of its networks, and what their study expects."""

from pathlib import Path

import pytest

from medinorm.bundle.contents import read_bundle
from medinorm.bundle.records import choose_variant
from medinorm.bundle.reference import make_reference
from medinorm.config import PredictConfig
from medinorm.expected.model import DiceModel
from medinorm.expected.stage import MODELS
from medinorm.files.atomic import write_json
from tests.bundle.finished_study import VARIANT


@pytest.fixture(scope="module")
def reference(made_bundle):
    return read_bundle(made_bundle[1]).reference


def test_both_domains_are_known_by_intensities_and_features(reference):
    assert set(reference.intensities.means) == {"a", "b"}
    assert set(reference.features) == {"seed-0.safetensors"}
    deep = reference.features["seed-0.safetensors"]
    assert set(deep.means) == {"a", "b"}
    assert deep.deviation.shape == (16,)  # mean and deviation of 8 channels


def test_labels_have_their_volumes(reference):
    shell, core = reference.volumes[1], reference.volumes[2]
    assert 0 < core.low <= core.high < shell.low <= shell.high < 3


def test_what_the_study_expects_goes_with_it(made_bundle):
    layout, _ = made_bundle
    chosen = choose_variant(Path(layout.results), None, None)
    assert make_reference(chosen, PredictConfig()).model is None
    model = DiceModel(0.1, 0.9, 0.5, 0.6, 3, 9)
    path = Path(layout.evidence) / MODELS
    entry = {"variant": VARIANT._asdict(), **model.to_json()}
    write_json(path, {"models": [entry]})
    try:
        assert make_reference(chosen, PredictConfig()).model == model
    finally:
        path.unlink()
