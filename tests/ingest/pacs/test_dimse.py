import socket

import pytest

from medinorm.errors import StageError


def test_wrong_port(fetch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(StageError, match="cannot be reached"):
            fetch("c-get", port=silent.getsockname()[1])


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({"called_ae": "ELSEWHERE"}, "refuses the association"),
        ({"ae_title": "STRANGER"}, r"may not know input\.pacs\.ae_title"),
    ],
)
def test_wrong_ae_titles(fetch, names, problem):
    with pytest.raises(StageError, match=problem):
        fetch("c-get", **names)


def test_an_unknown_destination(fetch, orthanc):
    """The PACS sends to a port at which nobody listens."""
    with pytest.raises(StageError, match=r"series did not arrive"):
        fetch("c-move", receive_port=orthanc.receive + 1)


def test_a_port_that_is_taken(fetch, orthanc):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", orthanc.receive))
        taken.listen()
        with pytest.raises(StageError, match="receive_port"):
            fetch("c-move")
