"""Nothing that may name a patient is among the settings that are shown."""

import json

from medinorm.config import parse_study
from medinorm.environment.shown import show_study


def test_paths_and_the_pacs_are_not_shown():
    private = {
        "scans": {"scans": "/data/Doe_John/scans.tsv"},
        "dicom": {"dicom": ["Doe_John.Doe", "b"], "labels": "Doe/John.csv"},
        "pacs": {"pacs": {"url": "https://doe.example/john", "query": "John.tsv"}},
    }
    for source in private.values():
        study = {
            "results": "/home/Doe/results",
            "private": "/home/Doe/private",
            "input": source,
            "harmonize": {"masks": "/home/John", "foreground": "file"},
            "ingest": {"deface": "/opt/Doe/deface {input} {output}"},
        }
        text = json.dumps(show_study(parse_study(study)))
        assert "Doe" not in text
        assert "John" not in text
        assert "(not shown)" in text


def test_settings_that_change_numbers_are_shown():
    study = parse_study({"title": "Other", "experiments": {"seeds": [4, 5, 6]}})
    shown = show_study(study)
    assert shown["experiments"]["seeds"] == [4, 5, 6]
    assert "title" not in shown  # a new title makes the page again, nothing else
    assert shown == show_study(parse_study({"experiments": {"seeds": [4, 5, 6]}}))


def test_what_is_shown_is_a_configuration():
    """Saved as a file it is the study again, but for what is not shown."""
    shown = show_study(parse_study({}))
    for name in ("results", "private"):
        shown.pop(name)
    assert show_study(parse_study(shown)) == show_study(parse_study({}))
