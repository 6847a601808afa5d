"""Signatures are read from text: types, defaults and what the docstring says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from medinorm.choices import AdaptName
from medinorm.cli.signatures import REQUIRED, Argument, read_arguments, read_summary
from medinorm.config import SplitConfig

MODULE = '''
from collections.abc import Sequence
from pathlib import Path
from medinorm.choices import AdaptName as Adapt
from medinorm.config import SplitConfig
import a_module_that_does_not_exist

Local = int

def run(
    scans: Path, out: Path = Path("out"), *,
    adapt: Adapt, seeds: Sequence[int] = (1, 2), settings: SplitConfig | None = None,
) -> None:
    """Do `it` to the *scans*, once.

    More words.

    Args:
        scans: `scans.tsv`, a table
            of two lines.
        out: folder with ``sub-*/x.dcm``: to write.
        adapt: how.
        seeds: seeds.

    Raises:
        ValueError: adapt: is wrong.
    """

def untyped(scans) -> None: ...

def local(count: Local) -> None: ...
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "stage.py").write_text(MODULE)
    monkeypatch.setattr("medinorm.cli.signatures.files", lambda _: tmp_path)
    return "medinorm.stage"


def test_types_defaults_and_texts(module):
    assert read_arguments(f"{module}:run") == (
        Argument("scans", Path, REQUIRED, "scans.tsv, a table of two lines"),
        Argument("out", Path, Path("out"), "folder with sub-*/x.dcm: to write"),
        Argument("adapt", AdaptName, REQUIRED, "how"),
        Argument("seeds", Sequence[int], (1, 2), "seeds"),
        Argument("settings", SplitConfig | None, None, ""),
    )
    assert read_summary(f"{module}:run") == "Do it to the scans, once."


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone", "no such function"),
        ("untyped", "no type"),
        ("local", "'Local' is not defined, so no flag"),
    ],
)
def test_what_cannot_be_read_is_refused(module, name, problem):
    with pytest.raises(ValueError, match=problem):
        read_arguments(f"{module}:{name}")
