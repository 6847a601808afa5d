"""The order of subjects depends on the seed and on each one's name."""

from medinorm.split.shuffle import shuffle_subjects

NAMES = [f"s{number}" for number in range(20)]


def test_a_new_subject_disturbs_no_other():
    before = shuffle_subjects(NAMES, 3)
    after = shuffle_subjects([*reversed(NAMES), "new"], 3)
    assert [name for name in after if name != "new"] == before


def test_seeds_give_different_orders():
    assert shuffle_subjects(NAMES, 0) != shuffle_subjects(NAMES, 1)
    assert sorted(shuffle_subjects(NAMES, 1)) == sorted(NAMES)
