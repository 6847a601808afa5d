"""The median spacing; a finer one along thick slices."""

from medinorm.training_plan.spacing import plan_spacing


def test_the_median_of_domains(make_cohort):
    cohort = make_cohort(
        ("a", (90, 90, 90), (1.0, 1.0, 1.2), 40),
        ("b", (90, 90, 90), (0.8, 0.8, 1.0), 3),
        ("c", (90, 90, 90), (0.9, 0.9, 1.1), 3),
    )
    spacing, reason = plan_spacing(cohort)
    assert spacing == (0.9, 0.9, 1.1)
    assert "median" in reason
    assert "percentile" not in reason


def test_thick_slices_get_the_tenth_percentile(make_cohort):
    cohort = make_cohort(
        ("a", (250, 250, 30), (0.9, 0.9, 5.0), 10),
        ("b", (250, 250, 50), (0.9, 0.9, 3.0), 10),
    )
    spacing, reason = plan_spacing(cohort)
    assert spacing == (0.9, 0.9, 3.0)
    assert "along S, whose slices are thick, the 10th percentile" in reason


def test_it_is_never_finer_than_within_slices(make_cohort):
    cohort = make_cohort(
        ("a", (250, 250, 30), (0.9, 0.9, 5.0), 8),
        ("a", (250, 250, 300), (0.9, 0.9, 0.5), 2),
    )
    assert plan_spacing(cohort)[0] == (0.9, 0.9, 0.9)


def test_thick_slices_of_a_deep_scan_keep_the_median(make_cohort):
    cohort = make_cohort(
        ("a", (60, 60, 90), (0.9, 0.9, 5.0), 8), ("a", (60, 60, 90), (0.9, 0.9, 3.0), 2)
    )
    assert plan_spacing(cohort)[0] == (0.9, 0.9, 5.0)
