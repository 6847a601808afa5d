"""The mixed model finds the variances that scores were drawn with."""

import numpy as np
import pytest

from medinorm.evidence.beyond_means.components import decompose
from medinorm.files.tables import read_table
from tests.evidence.planted import noisy

TRUE = {
    "domain": 0.06,
    "variant x domain": 0.04,
    "subject": 0.03,
    "variant x subject": 0.02,
    "network": 0.025,
    "rest": 0.015,
}


def draw(rng, variants, subjects, seeds, effect=0.0):
    """Dice of some domains by the model; no effect of the variant but a slope."""
    arrays = []
    for n in subjects:
        normal = rng.normal
        cell = TRUE["domain"] * normal() + TRUE["variant x domain"] * normal(
            size=(variants, 1, 1)
        )
        person = TRUE["subject"] * normal(size=(1, n, 1))
        both = TRUE["variant x subject"] * normal(size=(variants, n, 1))
        network = TRUE["network"] * normal(size=(variants, 1, seeds))
        rest = TRUE["rest"] * normal(size=(variants, n, seeds))
        slope = effect * np.arange(variants)[:, np.newaxis, np.newaxis]
        arrays.append(0.7 + slope + cell + person + both + network + rest)
    return arrays


def test_variances_are_unbiased_with_unequal_domains():
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        rows = decompose(draw(rng, 4, (5, 12, 8), 3))
        drawn.append({row.source: row.standard_deviation for row in rows})
    for source, true in TRUE.items():
        mean = np.mean([one[source] ** 2 for one in drawn]) ** 0.5
        # Truncation at 0 makes small variances a little too large.
        assert mean == pytest.approx(true, rel=0.12), source


def test_the_test_of_variants_holds_its_level():
    rng = np.random.default_rng(1)
    p = [next(iter(decompose(draw(rng, 3, (4, 4, 4), 2)))).p for _ in range(500)]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08
    first = next(iter(decompose(draw(rng, 3, (9, 9, 9, 9), 3, effect=0.3))))
    assert first.p < 0.001
    assert first.df == 2


def test_equal_scores_have_no_variance():
    rows = list(decompose([np.full((2, 2, 2), 0.5)] * 2))
    assert [row.standard_deviation for row in rows[1:]] == [0.0] * 6
    assert rows[0].f is None


@pytest.fixture
def scored(comparison):
    def make(domains=None, seeds=(0, 1, 2)):
        study = comparison(domains, seeds)
        for place, norm in enumerate(("batch", "group")):
            study.add(("zscore", norm, "flip", "none"), noisy(0.6 + 0.1 * place, place))
        return study

    return make


def test_the_table_has_a_line_for_each_source(scored):
    rows = read_table(scored().compare(resamples=100) / "components.tsv")
    assert [row["source"] for row in rows] == ["variant", *TRUE]
    assert [row["df"] for row in rows] == ["1", "2", "2", "15", "15", "12", "60"]


def test_what_cannot_be_fitted_is_refused_with_the_reason(scored):
    study = scored()
    study.rows = [
        row
        for row in study.rows
        if (row["norm"], row["scan"], row["seed"]) != ("group", "ge0", 2)
    ]
    (row,) = read_table(study.compare(resamples=100) / "components.tsv")
    assert row["source"] == "refused"
    assert row["note"] == "fewer than two variants are ranked"
