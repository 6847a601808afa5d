"""The notebooks run as a reader would run them, and are stored without outputs."""

import contextlib
import logging
import re
import shutil
import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient

from medinorm.records.verdict import read_verdict
from tests.evidence.conftest import ScoreTables

mpl.use("Agg")

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

# What comes from the root of a disk: two parts at least, so that "mm/s" is none.
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/])(?:~?(?:/[\w.-]+){2,}|[A-Za-z]:\\|file://)")

# Run by the kernel before the notebook.
NO_NETWORK = """
import socket

def _refuse(*arguments, **options):
    raise OSError("a notebook looked for a host; notebooks work offline")

socket.getaddrinfo = socket.create_connection = _refuse
"""

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """`python3` is this interpreter, without network and the user's settings."""
    write_kernel_spec(tmp_path / "jupyter" / "kernels" / "python3")
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "no_network.py").write_text(NO_NETWORK)
    for variable, folder in {
        "JUPYTER_PATH": "jupyter",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
    }.items():
        monkeypatch.setenv(variable, str(tmp_path / folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures belong in the notebook


def execute(notebook, folder):
    """Run all cells in a fresh process whose working directory is `folder`."""
    folder.mkdir()
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=300, resources=resources).execute()


def test_all_notebooks_are_found():
    names = {path.stem for path in NOTEBOOKS}
    assert names >= {"layers_in_monai", "normalize_a_cohort", "two_scanners"}
    assert "read_a_report" in names


def run_here(path, study):
    """Run the code of `read_a_report` in this process, on a study of the reader."""
    names, log = {}, logging.getLogger("medinorm")
    level = log.level  # the notebook sets it
    with plt.ioff(), contextlib.ExitStack() as after:
        after.callback(log.setLevel, level)
        for cell in code_cells(read(path)):
            source = cell.source.replace("STUDY = None", f"STUDY = {str(study)!r}")
            exec(compile(source, cell.id, "exec"), names)
    plt.close("all")
    return names


READ_A_REPORT = ROOT / "notebooks" / "read_a_report.ipynb"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study with travelling subjects, five seeds and networks of matched size."""
    folder = tmp_path_factory.mktemp("study")
    tables = ScoreTables(folder, dict.fromkeys(("a", "b", "c", "d"), 4), range(5))
    tables.subject_of = lambda scan: scan.replace("d", "c") if scan < "d2" else scan
    rng = np.random.default_rng(5)
    person = {scan: 0.03 * rng.normal() for scan in tables.scans}
    for norm, mean in {"batch": 0.6, "group": 0.79, "instance": 0.8}.items():

        def dice(case, mean=mean):
            level = mean if case.design == "lodo" else 0.85
            noise = person[case.scan] + 0.02 * rng.normal() + 0.01 * (case.seed - 2)
            return float(
                np.clip(level + noise - 0.02 * "abcd".index(case.domain), 0, 1)
            )

        tables.add(("none", norm, "flip", "none"), dice, designs=DESIGNS)
    tables.compare(DESIGNS)
    (folder / "scores").mkdir()
    (folder / "scores.tsv").rename(folder / "scores" / "scores.tsv")
    return folder


@pytest.fixture
def scored(finished, tmp_path, monkeypatch):
    """The evidence of a copy of this study."""
    monkeypatch.setattr(plt, "show", lambda: None)
    results = tmp_path / "results"
    shutil.copytree(finished, results)
    return results / "evidence"


DESIGNS = ("lodo", "size_matched")


def test_each_number_of_the_verdict_is_computed_by_hand(scored):
    verdict = read_verdict(scored / "verdict.json")
    names = run_here(READ_A_REPORT, scored.parent)
    checked = names["checked"]
    assert len(checked) == len(verdict.numbers) >= 12
    assert checked["off by"].max() < 1e-9
    assert list(checked["by hand"]) == [number.shown for number in verdict.numbers]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.6", "0.7"),  # in a sentence and its number
        ("scans and 5 seeds", "scans and 6 seeds"),
        ("It was ", "At 0.123 it was "),  # in a sentence alone
    ],
)
def test_a_verdict_with_another_number_stops_the_notebook(scored, old, new):
    path = scored / "verdict.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    path.with_name(".verdict.json.checksum").unlink()
    with pytest.raises(AssertionError):
        run_here(READ_A_REPORT, scored.parent)


@pytest.mark.slow
@pytest.mark.usefixtures("kernel")
@every_notebook
def test_runs_offline_without_warnings_and_leaves_no_files(path, tmp_path):
    done = execute(read(path), tmp_path / "empty")
    outputs = [output for cell in code_cells(done) for output in cell.outputs]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not list((tmp_path / "empty").iterdir())


@pytest.mark.usefixtures("kernel")
def test_the_kernel_is_this_interpreter_without_network(tmp_path):
    cell = nbformat.v4.new_code_cell(
        "import sys, urllib.request\n"
        "print(sys.executable)\n"
        "try:\n"
        "    urllib.request.urlopen('http://example.org')\n"
        "except OSError as error:\n"
        "    print(error.reason)"
    )
    done = execute(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "empty")
    interpreter, refusal = done.cells[0].outputs[0].text.splitlines()
    assert interpreter == sys.executable
    assert "work offline" in refusal


@every_notebook
def test_is_stored_without_outputs(path):
    for cell in code_cells(read(path)):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert cell.metadata == {}


@every_notebook
def test_names_no_absolute_path(path):
    notebook = read(path)
    texts = [cell.source for cell in notebook.cells] + [str(notebook.metadata)]
    assert not [found for text in texts for found in ABSOLUTE_PATH.findall(text)]


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("open('/home/someone/scan.nii')", True),
        ("see ~/data/scans", True),
        (r"open('C:\scans')", True),
        ("results/report/report.html", False),
        ("https://example.org/a/b", False),
        ("(x - mean) / std, in mm/s", False),
    ],
)
def test_absolute_paths_are_told_apart(text, absolute):
    assert bool(ABSOLUTE_PATH.search(text)) is absolute
