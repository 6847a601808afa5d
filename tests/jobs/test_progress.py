import logging

from medinorm.jobs import progress
from medinorm.jobs.progress import track


def test_all_items_come_and_the_end_is_logged(caplog):
    caplog.set_level(logging.INFO)
    assert list(track("abc", "try")) == ["a", "b", "c"]
    assert caplog.messages == ["try: 3 of 3"]


def test_long_work_is_logged_now_and_then(caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", -1.0)
    assert list(track("ab", "try")) == ["a", "b"]
    assert caplog.messages == [
        "try: 0 of 2",
        "try: 1 of 2, about 1 min left",
        "try: 2 of 2",
    ]
