"""Generated parts of files are current, and stale ones are named."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "generate.py"


@pytest.fixture(scope="module")
def tool():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("generate", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    sys.modules["generate"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    sys.path[:] = path
    yield module
    del sys.modules["generate"]


def test_generated_parts_are_current():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--check"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_part_is_named_and_then_written(tool, tmp_path):
    file = tmp_path / "a.md"
    file.write_text("x\n<!-- generated: it -->\nold\n<!-- end of it -->\ny\n")
    parts = [tool.Part("a.md", "it", lambda: ["new", "lines"])]
    before = file.read_text()
    assert tool.generate(tmp_path, parts, check=True) == ["a.md: it"]
    assert file.read_text() == before
    assert tool.generate(tmp_path, parts, check=False) == ["a.md: it"]
    assert file.read_text() == before.replace("old", "new\nlines")
    assert tool.generate(tmp_path, parts, check=True) == []


@pytest.mark.parametrize("text", ["", "# generated: it\n", "# end of it\n"])
def test_a_file_without_the_comments_is_refused(tool, text):
    with pytest.raises(ValueError, match="expected the part 'it' once"):
        tool.replace_part(text, "it", [])


def test_the_table_says_how_to_get_each_norm(tool):
    rows = {row.split("`")[1]: row for row in list(tool.norm_table())[2:]}
    assert "`medinorm_batch`" in rows["batch"]
    assert 'insert_perturbation(network, "dsu")` | `batch` norms' in rows["dsu"]
    assert "`style=`" in rows["self_attentive_instance"]


def test_a_stage_stands_behind_the_one_that_it_names(tool, monkeypatch):
    def declared(name, after):
        facts = {"after": after} if after else {}
        return tool.Declaration(name, "", facts, f"medinorm.{name}", "work")

    stages = {"a": "", "z": "a", "b": "z", "c": "a"}
    each = {name: declared(name, after) for name, after in stages.items()}
    monkeypatch.setattr(tool, "_find_stages", lambda: each)
    named = [line.split('"')[1] for line in tool.stage_table()]
    assert named == ["a", "c", "z", "b"]
    each["d"] = declared("d", "nowhere")
    with pytest.raises(ValueError, match="no stage is called nowhere"):
        list(tool.stage_table())
