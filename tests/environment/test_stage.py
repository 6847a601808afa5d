"""The record holds what is true of this machine and what it was told."""

import json

import pytest

from medinorm.environment.stage import record_environment
from medinorm.errors import StageError
from medinorm.records.environment import read_environment


def test_software_machine_and_configuration_are_recorded(tmp_path):
    path = tmp_path / "environment.json"
    record_environment(path, configuration=json.dumps({"b": 1, "a": [2]}))
    environment = read_environment(path)
    assert environment.software["torch"]
    assert "Python 3." in environment.system
    assert environment.cores >= 1
    assert environment.configuration == {"a": [2], "b": 1}
    record_environment(path, configuration=json.dumps({"a": [2], "b": 1}))
    assert read_environment(path).configuration_hash == environment.configuration_hash


@pytest.mark.parametrize("text", ["", "[1]", "{", "3"])
def test_a_configuration_that_is_no_object_is_refused(tmp_path, text):
    with pytest.raises(StageError, match="give a JSON object"):
        record_environment(tmp_path / "environment.json", configuration=text)
