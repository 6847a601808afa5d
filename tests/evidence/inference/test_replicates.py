"""The study itself comes first, and resamples are of its size.

More laws of what is drawn: `tests/evidence/test_bootstrap.py`.
"""

import numpy as np

from medinorm.evidence.inference.replicates import draw_replicates

SUBJECTS, DOMAINS = list("aabcdef"), list("xxxxyyy")


def test_the_study_comes_first_and_resamples_have_its_size():
    rng = np.random.default_rng(0)
    replicates = draw_replicates(SUBJECTS, DOMAINS, 4, 30, rng)
    assert replicates.scans.shape == (7, 31)
    assert (replicates.scans[:, 0] == 1).all()
    assert (replicates.seeds[:, 0] == 1).all()
    np.testing.assert_array_equal(replicates.scans[0], replicates.scans[1])
    np.testing.assert_allclose(replicates.scans[1:4].sum(axis=0), 3)
    np.testing.assert_allclose(replicates.scans[4:].sum(axis=0), 3)
    assert replicates.left_out == (4, 3, 3)
    assert replicates.people.tolist() == [0, 0, 1, 2, 3, 4, 5]


def test_one_subject_counts_once_in_every_resample():
    rng = np.random.default_rng(0)
    alone = draw_replicates(["a"], ["x"], 2, 10, rng)
    assert (alone.scans == 1).all()
