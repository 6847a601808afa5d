import errno
import fcntl
import subprocess
import sys

import pytest

from medinorm.jobs.turns import taking_turns

OTHER = """
import sys
from pathlib import Path
from medinorm.jobs.turns import taking_turns
folder = Path(sys.argv[1])
(folder / "ready").touch()
with taking_turns(folder / "lock"):
    print((folder / "mine").exists())
"""


def test_another_process_waits_until_the_first_has_left(tmp_path):
    with taking_turns(tmp_path / "lock"):
        other = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(tmp_path)], stdout=subprocess.PIPE
        )
        while not (tmp_path / "ready").exists():
            assert other.poll() is None
        (tmp_path / "mine").touch()
    out, _ = other.communicate(timeout=30)
    assert out == b"True\n"


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EACCES])
def test_without_locks_nobody_waits(tmp_path, monkeypatch, code):
    def refuse(*_):
        raise OSError(code, "no")

    monkeypatch.setattr(fcntl, "flock", refuse)
    if code == errno.ENOLCK:
        with taking_turns(tmp_path / "lock"):
            return
    with pytest.raises(OSError, match="no"), taking_turns(tmp_path / "lock"):
        pass
