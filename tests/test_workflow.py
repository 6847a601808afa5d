"""The workflow as a user calls it: lint, a dry run, and a tiny study for real."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from medinorm.config import DemoConfig
from medinorm.demo.patients import planted_tokens
from medinorm.files.tables import read_table
from medinorm.report.documents.evidence_schema import read_as_json

ROOT = Path(__file__).resolve().parents[1]

WORKFLOW = ROOT / "medinorm" / "workflow"
RULES = [
    ROOT / "Snakefile",
    WORKFLOW / "Snakefile",
    *sorted(WORKFLOW.glob("*.smk")),
]

TINY = ROOT / ".ci" / "tiny.yaml"
STUDY = yaml.safe_load(TINY.read_text())
RUN = "results/runs/population/group/flip/pooled"


def snakemake(folder, *words, study=STUDY, snakefile=ROOT / "Snakefile"):
    """Call snakemake as a user would, in a folder of its own."""
    configfile = folder / "config.yaml"
    configfile.write_text(yaml.safe_dump(study))
    command = [
        Path(sys.executable).with_name("snakemake"),
        "--snakefile",
        snakefile,
        "--directory",
        folder,
        "--configfile",
        configfile,
        "--cores",
        "2",
        *words,
    ]
    done = subprocess.run(
        [str(word) for word in command],
        check=False,
        capture_output=True,
        text=True,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": "/tmp",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),  # of a second checkout
        },
    )
    return done.returncode, done.stdout + done.stderr


def jobs(output):
    """Number of jobs of each rule that a dry run lists."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    rows = [line.split() for line in table.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished tiny study: that of `.ci/run`, if it has made one, or our own."""
    folder = tmp_path_factory.mktemp("tiny") / "study"
    made = os.environ.get("MEDINORM_TINY_STUDY")
    if made:
        shutil.copytree(made, folder)
    folder.mkdir(exist_ok=True)
    code, output = snakemake(folder)
    logs = "\n".join(p.read_text() for p in folder.rglob("logs/**/*.log"))
    assert code == 0, output[-3000:] + logs[-3000:]
    return folder


def test_the_snakefile_passes_lint_and_format(tmp_path):
    code, output = snakemake(tmp_path, "--lint")
    assert code == 0, output
    formatted = subprocess.run(
        [Path(sys.executable).with_name("snakefmt"), "--check", *RULES],
        check=False,
        capture_output=True,
    )
    assert formatted.returncode == 0


def test_the_snakefile_only_wires():
    for path in RULES:
        lines = path.read_text().splitlines()
        assert len(lines) <= 250
        assert not [
            line for line in lines if line.lstrip().startswith(("def ", "run:"))
        ]


def test_a_clone_and_an_installed_package_make_the_same(tmp_path):
    outputs = [
        snakemake(tmp_path, "-n", snakefile=folder / "Snakefile")[1]
        for folder in (ROOT, WORKFLOW)
    ]
    clone, package = map(jobs, outputs)
    assert clone == package
    assert clone["split"] == clone["qc"] == clone["all"] == 1


def test_a_study_without_a_configuration_says_how_to_give_one(tmp_path):
    program = Path(sys.executable).with_name("snakemake")
    words = ["--snakefile", WORKFLOW / "Snakefile", "--cores", "1", "--quiet", "all"]
    done = subprocess.run(
        [program, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no configuration: give the YAML file of the study with" in done.stderr
    assert str(tmp_path) not in done.stderr


def test_impossible_settings_end_before_any_job(tmp_path):
    study = STUDY | {"train": {"step": 3}}
    code, output = snakemake(tmp_path, study=study)
    assert code != 0
    assert "train.step: unknown key; did you mean steps?" in output
    assert not (tmp_path / "results").exists()


def test_a_study_ends_in_a_report(finished):
    report = finished / "results" / "report" / "report.html"
    assert STUDY["title"] in report.read_text()
    verdict = json.loads((finished / "results/evidence/verdict.json").read_text())
    assert not verdict["ranked"]  # two seeds
    scores = read_table(
        finished / "results/scores/population/batch/flip/none/pooled/job-0.tsv"
    )
    assert {row["seed"] for row in scores} == {"0", "1"}


def test_its_evidence_fits_the_published_schema(finished):
    files = [
        path
        for path in (finished / "results" / "evidence").glob("[!.]*")
        if path.suffix in {".json", ".tsv"}
    ]
    values = {path.stem: read_as_json(path) for path in files}
    assert len(values) > 20
    schema = json.loads((ROOT / "docs/reference/evidence.schema.json").read_text())
    jsonschema.validate(values, schema)


def test_the_page_is_part_of_snakemakes_own_report(finished):
    code, output = snakemake(finished, "--report", "snakemake.html")
    assert code == 0, output[-2000:]
    assert "report.html" in (finished / "snakemake.html").read_text()
    (finished / "snakemake.html").unlink()


def test_every_candidate_is_accounted_for(finished):
    candidates = read_table(finished / "private" / "plan.tsv")
    used = read_table(finished / "results" / "scans.tsv")
    assert len(used) == 6
    excluded = read_table(finished / "results" / "excluded.tsv")
    assert len(candidates) == len(used) + len(excluded)
    assert all(row["reason"] for row in excluded)
    page = (finished / "results" / "report" / "qc.html").read_text()
    assert page.count("<img src=") == len(used)  # the outlines lie on them
    assert page.count('<img class="lines"') == len(used)


def test_a_second_call_does_nothing(finished):
    code, output = snakemake(finished)
    assert code == 0
    assert "Nothing to be done" in output


def test_a_norms_setting_re_runs_only_that_norm(finished):
    study = json.loads(json.dumps(STUDY))
    study["experiments"]["norm_options"] = {"group": {"num_groups": 2}}
    _, output = snakemake(finished, "-n", study=study)
    splits = 3
    assert jobs(output) == {
        "train": splits,
        "predict": splits,
        "score": splits,
        "evidence": 1,
        "expect": 1,
        "environment": 1,
        "report": 1,
        "all": 1,
    }


COMPARED = ("none", "population", "nyul")
TRAINED = [f"results/runs/{name}/group/flip/pooled/job-0.tsv" for name in COMPARED]


def with_harmonize(**values):
    """The study with other intensities and these settings of harmonize."""
    study = json.loads(json.dumps(STUDY))
    study["experiments"]["intensity"] = list(COMPARED)
    study["harmonize"] |= values
    return study


@pytest.fixture(scope="module")
def compared(finished, tmp_path_factory):
    """The finished study with networks of two more intensities."""
    folder = tmp_path_factory.mktemp("compared") / "study"
    shutil.copytree(finished, folder)
    code, output = snakemake(folder, *TRAINED, study=with_harmonize())
    assert code == 0, output[-3000:]
    return folder


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"foreground": "positive"}, {"fit": 2, "harmonize": 4, "train": 2}),
        (
            {"intensity_options": {"nyul": {"percentiles": [5, 50, 95]}}},
            {"fit": 1, "harmonize": 2, "train": 1},
        ),
        ({"intensity_options": {"fcm": {"tissue": "middle"}}}, {}),
        ({"constant": "zeros"}, {"fit": 1, "harmonize": 2, "train": 1}),
        ({"compress": True}, {"harmonize": 6, "train": 3}),
        ({"background": -1}, {"harmonize": 6, "train": 3}),
    ],
)
def test_a_setting_re_runs_the_intensities_that_use_it(compared, changed, expected):
    study = with_harmonize(**changed)
    code, output = snakemake(compared, "-n", *TRAINED, study=study)
    assert code == 0, output[-2000:]
    assert jobs(output) == expected


def test_what_follows_from_a_killed_job_is_made_again(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    study = STUDY | {"train": STUDY["train"] | {"steps": 2}}
    first = f"{RUN}/job-0.tsv"
    code, output = snakemake(folder, first, study=study)
    assert code == 0, output[-2000:]
    _, output = snakemake(folder, "-n", study=study)
    assert jobs(output)["train"] == 5
    assert jobs(output)["predict"] == 9  # batch is adapted too


def test_report_settings_re_run_the_pages_only(finished):
    _, output = snakemake(finished, "-n", study=STUDY | {"title": "Other"})
    assert jobs(output) == {"report": 1, "qc": 1, "all": 1}


def test_a_killed_study_goes_on_where_it_was(finished, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    results = folder / "results"
    run = folder / RUN
    kept = run / "seed-0" / "model.safetensors"
    before = kept.stat().st_mtime_ns
    # as after a kill: the second seed, and all that comes after it, is not there
    for gone in ("report", "evidence", "scores"):
        shutil.rmtree(results / gone)
    shutil.rmtree(run / "seed-1")
    (run / "job-0.tsv").unlink()
    shutil.rmtree(results / "predictions/population/group/flip/none/pooled")
    (folder / ".snakemake" / "locks").mkdir(exist_ok=True)
    (folder / ".snakemake" / "locks" / "0.input.lock").write_text("results/scans.tsv")
    code, output = snakemake(folder)
    assert code == 0, output[-3000:]
    status = read_table(run / "job-0.tsv")
    assert [row["state"] for row in status] == ["ok", "ok"]
    assert kept.stat().st_mtime_ns == before


def test_a_study_of_an_earlier_version_goes_on(finished, tmp_path):
    """Then a job was a batch, previews were thumbnails, augmentation was no axis."""
    folder = tmp_path / "study"
    shutil.copytree(finished, folder)
    results = folder / "results"
    for kind in ("runs", "predictions", "scores"):
        for axis in (results / kind).glob("*/*/flip"):
            for below in axis.iterdir():
                below.rename(axis.parent / below.name)
            axis.rmdir()
    for path in results.rglob("job-*.tsv"):
        path.rename(path.with_name(path.name.replace("job", "batch")))
    (results / "previews").rename(results / "thumbnails")
    for path in results.rglob(".*.checksum"):
        path.unlink()
    # The commands of all rules have changed since: what is made by them is too old.
    (results / "report" / "qc.html").unlink()
    old = sorted(results.glob("runs/**/model.safetensors"))
    before = [path.stat().st_mtime_ns for path in old]
    trained = f"{RUN}/job-0.tsv"
    code, output = snakemake(folder, trained, "results/report/qc.html")
    assert code == 0, output[-3000:]
    # Networks without the level of the axis stay, but count for nothing.
    assert [row["state"] for row in read_table(folder / trained)] == ["ok", "ok"]
    assert [path.stat().st_mtime_ns for path in old] == before
    assert list((results / "previews").glob("*.png"))
    assert not list(results.rglob("batch-*.tsv"))
    assert not (results / "thumbnails").exists()


def test_no_patient_string_leaves_the_private_folder(finished):
    tokens = planted_tokens(DemoConfig.model_validate(STUDY["demo"]))
    assert len(tokens) > 20
    needles = [token.encode() for token in tokens]
    seen = 0
    for path in finished.rglob("*"):
        inside = path.relative_to(finished)
        if inside.parts[0] == "private" or not path.is_file():
            continue
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        content += str(inside).encode()
        found = [needle for needle in needles if needle in content]
        assert not found, f"{inside} holds {len(found)} planted strings"
        seen += 1
    assert seen > 100


def test_spaces_and_braces_do_no_harm(tmp_path):
    study = STUDY | {
        "title": "GE {3T} & 'other'",
        "results": "my results",
        "private": "my private",
    }
    wanted = "my results/splits.tsv"
    code, output = snakemake(tmp_path, wanted, study=study)
    assert code == 0, output[-2000:]
    code, output = snakemake(tmp_path, "-n", study=study)
    assert code == 0, output[-2000:]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[0] != ".") == [
        "config.yaml",
        "my private",
        "my results",
    ]


def test_the_verdict_is_told_what_a_domain_is(tmp_path):
    study = STUDY | {"split": {"domain": ["vendor", "model"], "folds": 2}}
    words = ("results/evidence/verdict.json", "-n", "--printshellcmds")
    code, output = snakemake(tmp_path, *words, study=study)
    assert code == 0, output[-2000:]
    (command,) = re.findall(r"medinorm evidence .*", output)
    assert " --domain vendor model --" in command


def test_strict_fails_in_the_end_with_the_first_reason(finished):
    code, output = snakemake(finished, study=STUDY | {"strict": True})
    excluded = read_table(finished / "results" / "excluded.tsv")
    scans = [row for row in excluded if row["scan"]]
    assert (code != 0) == bool(scans), output[-2000:]
    assert (finished / "results" / "report" / "report.html").exists()
