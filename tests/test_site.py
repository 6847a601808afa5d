"""The documentation site builds, and what its pages say to type can be typed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from medinorm.cli.main import main
from medinorm.config import parse_study
from medinorm.method_names import INTENSITY_DECLARATIONS, NORM_DECLARATIONS

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts),
]

SECTION = re.compile(
    r'<h2><code class="docutils literal notranslate"><span class="pre">(\w+)</span>'
    r"</code>(.*?)(?=<h2>|</article>)",
    re.DOTALL,
)


def blocks(language, *pages):
    """The code blocks of pages, each with the name of its page."""
    pattern = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [
        pytest.param(text, id=f"{page.stem}-{n}")
        for page in pages or PAGES
        for n, text in enumerate(pattern.findall(page.read_text()))
    ]


@pytest.mark.parametrize(
    "code", blocks("python", ROOT / "docs" / "tutorials" / "layers.md")
)
def test_the_code_of_a_tutorial_runs(code):
    exec(compile(code, "tutorial", "exec"), {})


@pytest.mark.parametrize("text", blocks("yaml"))
def test_settings_of_a_page_are_a_study(text):
    values = yaml.safe_load(text)
    if not {"scans", "dicom", "bids", "pacs"} & set(values.get("input", {})):
        values["input"] = values.get("input", {}) | {"scans": "scans.tsv"}
    parse_study(values)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_axes_that_a_sentence_sets_have_these_levels(page):
    pattern = re.compile(r"`((?:intensity|norm|augmentation|adapt): \[[^`]+\])`")
    for axis in pattern.findall(page.read_text()):
        scans = {"scans": "scans.tsv"}
        parse_study({"input": scans, "experiments": yaml.safe_load(axis)})


@pytest.mark.parametrize("text", blocks("bash"))
def test_commands_of_a_page_have_the_flags_they_name(text, capsys):
    for line in text.replace("\\\n", "").splitlines():
        program, *words = shlex.split(line, comments=True) or [""]
        if program == "medinorm":
            with pytest.raises(SystemExit):
                main([words[0], "--help"])
            known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
            assert {word for word in words if word.startswith("--")} <= known
        if words[:1] == ["tools/tasks.py"]:
            subprocess.run([sys.executable, *words[:2], "--help"], cwd=ROOT, check=True)


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("sphinx", reason="the site needs the extra `site`")
    words = ["-q", "-W", "-d", tmp_path / "trees", "docs", tmp_path / "site"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    generated = tmp_path / "site" / "reference" / "generated"
    layers = (generated / "layers.html").read_text()
    intensities = (generated / "intensities.html").read_text()
    assert "InstanceNorm3d" in layers
    for page, names in (
        (layers, set(NORM_DECLARATIONS) - {"none"}),
        (intensities, set(INTENSITY_DECLARATIONS)),
    ):
        sections = dict(SECTION.findall(page))
        assert names <= set(sections)
        # An equation of a docstring, as a block of its own.
        assert not {name for name in names if 'display="block"' not in sections[name]}
