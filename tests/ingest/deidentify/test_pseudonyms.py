import base64
import hashlib
import hmac
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medinorm.errors import StageError
from medinorm.ingest.deidentify.pseudonyms import KEY_NAME, Pseudonyms, open_pseudonyms


def test_pseudonym_is_keyed_sha256():
    key = bytes(range(32))
    digest = hmac.new(key, b"subject\0Doe", hashlib.sha256).digest()
    expected = base64.b32encode(digest).decode().lower()[:10]
    assert Pseudonyms(key).name("subject", "Doe") == expected


@given(st.text(), st.text())
def test_pseudonyms_are_plain_and_depend_on_key_and_kind(first, second):
    names = Pseudonyms(b"a" * 32)
    name = names.name("subject", first)
    assert len(name) == 10
    assert name.isascii()
    assert name.isalnum()
    assert (name == names.name("subject", second)) == (first == second)
    assert name != Pseudonyms(b"b" * 32).name("subject", first)
    assert name != names.name("session", first)


def test_key_is_made_once_and_closed_to_others(tmp_path):
    private = tmp_path / "private"
    first = open_pseudonyms(private)
    assert open_pseudonyms(private) == first
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((private / KEY_NAME).stat().st_mode) == 0o600
    assert [path.name for path in private.iterdir()] == [KEY_NAME]
    assert len(first.key) == 32


def test_open_folder_is_closed(tmp_path):
    tmp_path.chmod(0o755)
    open_pseudonyms(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_jobs_that_start_together_agree(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: open_pseudonyms(tmp_path).key, range(32)))
    assert len(keys) == 1


def test_damaged_key_is_refused(tmp_path):
    (tmp_path / KEY_NAME).write_bytes(b"short")
    with pytest.raises(StageError, match="has 5 bytes instead of 32"):
        open_pseudonyms(tmp_path)


def test_the_key_is_not_shown():
    assert "secret" not in repr(Pseudonyms(b"secret" * 6))


def test_kept_names_must_differ():
    names = Pseudonyms(bytes(32), keep=True)
    assert names.subjects(["a-1", "b_2"]) == {"a-1": "a1", "b_2": "b2"}
    with pytest.raises(StageError, match=r"ingest\.subjects"):
        names.subjects(["a-1", "a_1"])


def test_names_that_no_label_can_hold_have_pseudonyms():
    names = Pseudonyms(bytes(32), keep=True)
    labels = names.subjects(["北京", "上海", "--", "x" * 299, "x" * 300])
    assert len(set(labels.values())) == 5
    assert all(label.isalnum() and label.isascii() for label in labels.values())
    assert max(map(len, labels.values())) == 60


def test_sessions_are_told_apart_within_a_subject():
    names = Pseudonyms(bytes(32), keep=True)
    labels = names.sessions([("a", "1"), ("b", "1"), ("b", "")])
    assert labels == {"a\0001": "1", "b\0001": "1", "a\000": "", "b\000": ""}
    with pytest.raises(StageError, match="two sessions"):
        names.sessions([("a", "1-"), ("a", "1")])


def test_one_date_has_another_pseudonym_for_each_subject():
    labels = Pseudonyms(bytes(32)).sessions([("a", "2020"), ("b", "2020")])
    assert labels["a\0002020"] != labels["b\0002020"]
