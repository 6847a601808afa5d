"""Kills, full disks, damaged files, too little memory: the next run mends them.

What counts is the end: after any fault the next calls give the bytes of a run that
nobody disturbed, or one clear line. `pytest -m faults` runs these alone.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.records.scans import ScanRow
from medinorm.records.status import ScanStatus

pytestmark = pytest.mark.faults

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
# One thread a process, and nothing of this machine.
ENVIRONMENT = {
    "PATH": f"{BIN}:/usr/bin:/bin",
    "HOME": "/tmp",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
STUDY = {
    "title": "Faults",
    "input": {"channels": ["T1w"]},
    "demo": {"scanners": ["siemens_3t", "ge_15t"], "subjects": 3, "spacing": 4.0},
    # Two test subjects on each scanner.
    "split": {"designs": ["lodo"], "folds": 2},
    "harmonize": {"spacing": [4.0, 4.0, 4.0]},
    "experiments": {"intensity": ["nyul"], "norm": ["mixstyle"], "seeds": [0, 1]},
    "train": {
        "recipe": "fast",
        "network": {"channels": [4, 8]},
        "patch": [16, 16, 16],
        "batch_size": 2,
        "foreground_ratio": 0.5,
        "steps": 6,
        "checkpoint_steps": 2,
    },
    "evidence": {"resamples": 100},
}
NETWORK = {"channels": [4, 8], "strides": [[2, 2, 2]], "kernels": [[3, 3, 3]] * 2}
KILLS = 7
RNG = random.Random(20)


def command(folder):
    configfile = folder / "config.yaml"
    configfile.write_text(yaml.safe_dump(STUDY))
    words = [BIN / "snakemake", "--snakefile", ROOT / "Snakefile"]
    words += ["--directory", folder, "--configfile", configfile, "--cores", "2"]
    return [str(word) for word in words]


def snakemake(folder):
    """One call in a folder: exit code and what it said."""
    done = subprocess.run(
        command(folder),
        check=False,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def finish(folder, calls):
    """Call until all is done; what was said on the way."""
    said = []
    for _ in range(calls):
        code, output = snakemake(folder)
        if code == 0:
            return said
        said.append(output)
    raise AssertionError(f"not done after {calls} calls: {said[-1][-3000:]}")


def new_folder(folder, like):
    """An empty study folder with the key of another, so that names are the same."""
    (folder / "private").mkdir(parents=True)
    key = like / "private" / "pseudonym.key"
    if key.exists():
        shutil.copy(key, folder / "private")
    return folder


def require_same(folder, other):
    """Every table, volume, network and JSON file is the same in both results."""
    done = subprocess.run(
        [
            *(sys.executable, ROOT / "tools" / "compare_studies.py"),
            *(folder / "results", other / "results"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    code, output = snakemake(folder)
    assert code == 0, output[-3000:]
    return folder


def kill(process):
    """Kill a process and all that it started, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_random_kills_over_all_stages(undisturbed, tmp_path):
    folder = new_folder(tmp_path / "study", undisturbed)
    kills, logs = 0, set()
    while kills < KILLS:
        process = subprocess.Popen(
            command(folder),
            env=ENVIRONMENT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=RNG.uniform(2.5, 7))
        except subprocess.TimeoutExpired:
            kill(process)
            kills += 1
            logs |= {p.parts[-2] for p in folder.glob("results/logs/**/*.log")}
        else:  # done before all kills: once more, from a random stage on
            stages = ["canonical", "harmonized", "runs", "predictions", "report"]
            for name in stages[RNG.randrange(len(stages)) :]:
                shutil.rmtree(folder / "results" / name, ignore_errors=True)
    finish(folder, calls=2)
    require_same(undisturbed, folder)


def test_a_full_disk_that_then_grows(undisturbed, tmp_path):
    """On a file system of its own, which is too small at first."""
    size = sum(p.stat().st_size for p in undisturbed.rglob("*") if p.is_file())
    folder, kept = tmp_path / "disk", tmp_path / "kept"
    folder.mkdir()
    inside = new_folder(tmp_path / "key", undisturbed)
    run = " ".join(command(inside)).replace(str(inside), str(folder))
    script = f"""
        mount -t tmpfs -o size={int(0.45 * size)} none {folder} || exit 77
        cp -r {inside}/. {folder}
        {run} > {tmp_path}/full.log 2>&1 && exit 78
        for percent in 75 300; do
            mount -o remount,size=$(({size} * percent / 100)) {folder}
            {run} > {tmp_path}/grown.log 2>&1 && break
        done
        cp -r {folder}/results {kept}
    """
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        check=False,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    if done.returncode in {1, 77} and "mount" in done.stderr + done.stdout:
        pytest.skip("this machine lets nobody mount a small file system")
    assert done.returncode == 0, done.stderr
    assert "No space left on device" in (tmp_path / "full.log").read_text()
    shutil.copytree(kept, tmp_path / "end" / "results")
    require_same(undisturbed, tmp_path / "end")


def test_two_calls_at_once(undisturbed, tmp_path):
    folder = new_folder(tmp_path / "study", undisturbed)
    tables = ("scans.tsv", "splits.tsv")
    first = subprocess.Popen(
        [*command(folder), *(f"results/{name}" for name in tables)],
        env=ENVIRONMENT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (folder / "results" / ".lock").exists():
        assert first.poll() is None
        time.sleep(0.2)
    os.killpg(first.pid, signal.SIGSTOP)  # and holds the study meanwhile
    code, output = snakemake(folder)
    assert code == 1
    assert output.count("another snakemake works on this study now") == 1
    os.killpg(first.pid, signal.SIGCONT)
    assert first.wait() == 0
    for name in tables:
        made, expected = (path / "results" / name for path in (folder, undisturbed))
        assert made.read_bytes() == expected.read_bytes()


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[RNG.randrange(len(content))] ^= 1 << RNG.randrange(8)
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


KINDS = [
    "scans.tsv",
    "splits.tsv",
    "ingest/shard-0.tsv",
    "canonical/sub-*/**/*_T1w.nii.gz",
    "canonical/sub-*/**/*_T1w.json",
    "canonical/derivatives/labels/sub-*/**/*_dseg.nii.gz",
    "maps/nyul/*.json",
    "harmonized/nyul/*/sub-*_T1w.nii",
    "harmonized/nyul/*/sub-*_label.nii",
    "harmonized/nyul/*/sub-*_T1w.json",
    "runs/nyul/mixstyle/flip/*/seed-0/model.safetensors",
    "runs/nyul/mixstyle/flip/*/seed-0/model.json",
    "predictions/nyul/mixstyle/flip/none/*/seed-0/sub-*_T1w.nii.gz",
    "predictions/nyul/mixstyle/flip/none/*/job-0.tsv",
]


def test_damaged_files_of_every_kind(undisturbed, tmp_path):
    """One of each kind is damaged, and every job looks at its files again."""
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    results = folder / "results"
    for kind in KINDS:
        spoil = RNG.choice([flip_a_bit, truncate])
        spoil(RNG.choice(sorted(results.glob(kind))))
    for gone in ("evidence", "report", "scores"):
        shutil.rmtree(results / gone)
    for pattern in ("harmonized/**/shard-*.tsv", "[rp]*/**/job-*.tsv"):
        for path in results.glob(pattern):
            path.unlink()
    said = finish(folder, calls=8)
    assert said
    for output in said:
        lines = re.findall(r"^medinorm: .*", output, flags=re.MULTILINE)
        assert lines, output[-3000:]
        for line in lines:
            assert re.search(r"again|does not exist", line), line
    require_same(undisturbed, folder)


SCORES = "scores/nyul/mixstyle/flip/none/*/job-0.parquet"


@pytest.mark.parametrize(
    ("kind", "spoil", "gone"),
    [
        (SCORES, flip_a_bit, ["evidence", "report"]),
        ("evidence/cases.parquet", truncate, ["report"]),
    ],
)
def test_a_damaged_table_of_columns_is_made_again(
    undisturbed, tmp_path, kind, spoil, gone
):
    folder = tmp_path / "study"
    shutil.copytree(undisturbed, folder)
    results = folder / "results"
    table = RNG.choice(sorted(results.glob(kind)))
    spoil(table)
    for name in gone:
        if name not in table.parts:
            shutil.rmtree(results / name)
    (said,) = finish(folder, calls=2)
    lines = re.findall(r"^medinorm: .*", said, flags=re.MULTILINE)
    told = f"medinorm: {table.name} was changed since it was made; the next run makes"
    assert any(line.startswith(told) for line in lines), said[-3000:]
    require_same(undisturbed, folder)


@pytest.fixture
def flags(small_study):
    """Flags of harmonize and train on a small study."""
    folder = small_study.folder
    harmonized, runs = folder / "harmonized", folder / "runs"
    harmonize = [
        *("harmonize", "--scans", small_study.scans),
        *("--canonical", small_study.canonical, "--harmonized", harmonized),
        *("--status", harmonized / "status" / "shard-0.tsv"),
        *("--intensity", "zscore", "--spacing", 1.5, 1.5, 1.5),
    ]
    train = [
        *("train", "--splits", small_study.splits, "--harmonized", harmonized),
        *("--runs", runs, "--status", runs / "job-0.tsv", "--intensity", "zscore"),
        *(
            "--norm",
            "batch",
            "--augmentation",
            "flip",
            "--split",
            "pooled",
            "--seeds",
            0,
        ),
        *("--label-values", "1=shell", "2=core", "--patch", 12, 12, 12),
        *("--network", json.dumps(NETWORK), "--steps", 120),
        *("--batch-size", 2, "--foreground-ratio", 0.5),
        *("--checkpoint-steps", 10),
    ]
    return {"harmonize": harmonize, "train": train}


def medinorm(words, begin=subprocess.run, **more):
    """Call a stage, and wait for its end unless `begin` is another way to call it."""
    return begin(
        [str(word) for word in (BIN / "medinorm", *words)],
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def test_a_job_that_is_asked_to_end_goes_on_later(small_study, flags):
    medinorm(flags["harmonize"], check=True)
    medinorm(flags["train"], check=True)
    runs = small_study.folder / "runs"
    model = runs / "seed-0" / "model.safetensors"
    expected = model.read_bytes()
    shutil.rmtree(runs)
    with medinorm(flags["train"], begin=subprocess.Popen) as process:
        while not (runs / "seed-0" / "checkpoints" / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert not (runs / "job-0.tsv").exists()
    again = medinorm(flags["train"], check=True)
    assert "resume from the last checkpoint" in again.stderr
    assert model.read_bytes() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_too_little_memory_fails_the_job_and_no_scan(small_study, flags):
    rows = read_records(small_study.scans, ScanRow)
    large = np.zeros((1, 400, 400, 400), dtype=np.int16)
    large[0, 50:350, 50:350, 50:350] = np.arange(300)
    affine = np.diag([0.1, 0.1, 0.1, 1.0])
    for name, array in ((rows[0].image, large), (rows[0].label, large > 200)):
        path = small_study.canonical / name
        write_volume(Volume(array.astype(array.dtype), affine), path, np.int16)
        write_sidecar(path, Provenance({"large": True}, {}))
    write_records(small_study.scans, rows, ScanRow)

    def limit():
        import resource  # noqa: PLC0415 (in the child, before it begins)

        resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))

    short = medinorm(flags["harmonize"], preexec_fn=limit)
    assert short.returncode == 1, short.stderr
    assert "Traceback" not in short.stderr
    assert "memory ran out; give the job more, or run fewer" in short.stderr
    medinorm(flags["harmonize"], check=True)
    status = small_study.folder / "harmonized" / "status" / "shard-0.tsv"
    assert {row.state for row in read_records(status, ScanStatus)} == {"ok"}
