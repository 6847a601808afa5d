"""A harmonized small study to train on."""

import pytest

from medinorm.config import HarmonizeConfig
from medinorm.harmonize.stage import harmonize_scans


@pytest.fixture
def harmonized(small_study):
    folder = small_study.folder / "harmonized"
    harmonize_scans(
        small_study.scans,
        small_study.canonical,
        folder,
        folder / "status.tsv",
        intensity="zscore",
        fitted=None,
        shard=0,
        shards=1,
        settings=HarmonizeConfig(spacing=(1.5, 1.5, 1.5), foreground="image"),
    )
    return folder
