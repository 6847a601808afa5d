"""Maps fitted on the small study."""

import pytest

from medinorm.config import HarmonizeConfig
from medinorm.harmonize.fit import fit_intensity

SETTINGS = HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="positive")


@pytest.fixture
def fit(small_study):
    """Fits a method on the training scans of a split; gives the map's file."""

    def make(intensity, split="pooled", settings=SETTINGS):
        target = small_study.folder / "maps" / intensity / f"{split}.json"
        fit_intensity(
            small_study.scans,
            small_study.canonical,
            small_study.splits,
            target,
            intensity=intensity,
            split=split,
            settings=settings,
        )
        return target

    return make
