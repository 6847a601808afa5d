import pytest

from medinorm.errors import ReadError
from medinorm.ingest.bids.sidecars import read_sidecar


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_of_any_unicode_form(tmp_path, encoding):
    path = tmp_path / "x.json"
    path.write_bytes('{"a": "Zürich"}'.encode(encoding))
    assert read_sidecar(path) == {"a": "Zürich"}


def test_latin_letters(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes('{"a": "Zürich"}'.encode("latin-1"))
    assert read_sidecar(path) == {"a": "Zürich"}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_refused(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(ReadError, match="JSON sidecar: is no JSON"):
        read_sidecar(path)
    with pytest.raises(ReadError, match="JSON sidecar: is no JSON"):
        read_sidecar(tmp_path)
