"""What a user can mend is told in one line; what fails one item fails no other."""

import inspect

import pytest

from medinorm import errors
from medinorm.cli import main as cli

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_error_is_one_line_and_exit_code_1(kind, monkeypatch, capsys):
    def fail(*_, **__):
        raise kind("scans.tsv: empty; give a table")

    monkeypatch.setattr("medinorm.ingest.strict.require_all", fail)
    assert cli.main(["strict", "--excluded", "x.tsv"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("medinorm: ")
    assert message.count("\n") == 1
    assert "empty; give a table" in message


def test_what_concerns_one_scan_fails_no_job():
    fatal = {errors.MedinormError, errors.ConfigError, errors.StageError}
    fatal |= {errors.DamagedError}
    assert {kind for kind in KINDS if not issubclass(kind, errors.ItemError)} == fatal
