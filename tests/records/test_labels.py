"""Label values: several of one name, names of several, and none twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.config import InputConfig, TaskConfig, parse_study
from medinorm.errors import ConfigError
from medinorm.files.atomic import write_json
from medinorm.records.labels import (
    IGNORED_KEY,
    free_value,
    labels_of,
    own_values,
    read_ignored_value,
)

NAMES = st.text("abc", min_size=1)


@given(st.dictionaries(st.integers(1, 2**24), NAMES, min_size=1))
def test_each_name_has_one_value_of_its_own(label_values):
    labels, own = labels_of(label_values), own_values(label_values)
    assert sorted(labels.values()) == sorted(set(label_values.values()))
    assert {labels[own[value]] for value in label_values} == set(labels.values())
    assert all(labels[own[value]] == name for value, name in label_values.items())
    assert all(1 <= value <= 255 for value in labels)
    assert free_value(labels) not in labels


@given(st.dictionaries(st.integers(1, 255), st.integers(), min_size=1))
def test_values_of_different_names_stay_as_they_are(values):
    label_values = {value: f"label {value}" for value in values}
    assert labels_of(label_values) == label_values


@pytest.mark.parametrize(
    "written",
    [
        {1: "lesion", 2: "lesion", 3: "cyst"},
        {"1": "lesion", "2": "lesion", "3": "cyst"},
        {"lesion": [1, 2], "cyst": 3},
        {"lesion": (1, 2), 3: "cyst"},
    ],
)
def test_all_ways_to_write_them_are_the_same(written):
    expected = {1: "lesion", 2: "lesion", 3: "cyst"}
    assert TaskConfig(label_values=written).label_values == expected


@pytest.mark.parametrize(
    "values",
    [
        {"label_values": {"a": [1], "others": "background"}},
        {"label_values": {1: "a"}, "others": "background"},
    ],
)
def test_others_may_stand_in_both_places(values):
    source = InputConfig(**values)
    assert (source.label_values, source.others) == ({1: "a"}, "background")


def test_others_may_be_a_label():
    assert InputConfig(label_values={"others": [5]}).named_labels == {5: "others"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"label_values": {"a": [1, 2], "b": [2]}}, "value 2 has two names"),
        ({"label_values": {"a": [1], 1: "b"}}, "value 1 has two names"),
        ({"label_values": {"a": []}}, "label 'a' has no values; give it one, as in"),
        ({"label_values": {"a": "b"}}, "label 'a': its values are whole numbers; give"),
        ({"label_values": {"a": [1.5]}}, "label 'a': its values are whole numbers"),
        ({"label_values": {"a": None}}, "label 'a': its values are whole numbers"),
        ({"label_values": {1: "a"}, "ignore": ["b", "A"]}, "'A' is a label; take it"),
        ({"ignore": [" "]}, "ignore: a name is empty"),
        ({"label_values": {1: "A", 2: "a"}}, "label 'a' is spelt in two ways"),
        ({"label_values": {1: "white matter", 2: "white_matter"}}, "in two ways"),
        ({"label_values": {1: " ", 2: "a"}}, "a label has no name; give it one"),
        ({"label_values": {"a": [0]}}, "greater than or equal to 1"),
        ({"label_values": {1: "a"}, "ignore": [1]}, "1 is background or a label"),
        ({"ignore": 0}, "0 is background or a label"),
        ({"ignore": "some"}, "ignore: give a list"),
        ({"others": "ignore"}, "others: unknown name"),
        (
            {"label_values": {n: str(n) for n in range(1, 256)}, "ignore": 999},
            "ignore needs a value that is no label",
        ),
        ({"label_values": {n: str(n) for n in range(1, 300)}}, "at most 255 names"),
    ],
)
def test_what_is_contradictory_is_refused_in_one_line(values, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_study({"input": values})
    assert "\n" not in str(caught.value)


def test_names_of_segments_may_be_ignored_beside_values():
    source = InputConfig(label_values={1: "a"}, ignore=("unclear", "7", 9))
    assert source.ignore == ("unclear", 7, 9)
    ((value, name),) = source.ignored_names.items()
    assert name == "unclear"
    assert value > 2**32
    assert source.ignored_values == (7, 9, value)
    assert source.task.ignored == 255


def test_what_is_segmented_goes_on_to_training():
    task = InputConfig(label_values={"a": [1, 2]}, ignore=9, others="background").task
    assert (task.named_labels, task.ignored) == ({1: "a"}, 255)


def test_only_a_sidecar_that_names_it_has_an_ignored_value(tmp_path):
    label, sidecar = tmp_path / "x.nii.gz", tmp_path / "x.json"
    assert read_ignored_value(label) is None
    for values, found in (({}, None), ([], None), ({IGNORED_KEY: 255}, 255)):
        write_json(sidecar, values)
        assert read_ignored_value(label) == found
    sidecar.write_text("{")
    assert read_ignored_value(label) is None
