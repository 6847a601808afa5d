"""Cohorts without files."""

import pytest

from medinorm.training_plan.cohort import Cohort, ScanHeader


@pytest.fixture
def make_cohort():
    """Makes a cohort of ``(domain, grid, spacing, number)``."""

    def make(*kinds):
        return Cohort(
            tuple(
                ScanHeader(domain, grid, spacing)
                for domain, grid, spacing, number in kinds
                for _ in range(number)
            )
        )

    return make


@pytest.fixture
def hippocampus(make_cohort):
    """One domain of small scans of about 35 x 51 x 35 voxels of 1 mm."""
    kinds = [
        ("one", (35 + n, 51 + n, 35 + n), (1.0, 1.0, 1.0), 1) for n in range(-6, 7)
    ]
    return make_cohort(*kinds)
