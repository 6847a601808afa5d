"""The notebooks run as a reader would run them, and are stored without outputs."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
from ipykernel.kernelspec import write_kernel_spec
from nbclient import NotebookClient

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
