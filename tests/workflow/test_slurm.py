"""A small study through a real SLURM on this computer, beside the same study without.

Takes minutes. Needs root, `slurm-wlm` and `munge` (Debian), Snakemake's executor for
SLURM, and `MEDINORM_SLURM=1`, so that nobody pays for it who does not ask.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from medinorm.files.tables import read_table

# Whole studies, one after the other: a busy machine takes long for them.
pytestmark = pytest.mark.timeout(7200)

# Not SLURM_CONF: the executor takes SLURM's variables away from the jobs it starts.
CONFIGURATION = Path("/etc/slurm/slurm.conf")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "srun")
NODE = ["slurmd", "-D"]
CONTROLLER = ["slurmctld", "-D"]
PATH = f"{os.environ['PATH']}:/usr/sbin"
DEADLINE = 60
STUDY = """\
title: Study on a cluster
input: {channels: [T1w]}
demo: {scanners: [siemens_3t, philips_3t], subjects: 3, spacing: 4.0}
shards: 1
split: {designs: [lodo], folds: 2}
harmonize: {spacing: [4.0, 4.0, 4.0]}
experiments: {intensity: [zscore], norm: [instance], seeds: [0]}
train:
  recipe: fast
  network: {channels: [4, 8]}
  patch: [16, 16, 16]
  steps: 40
  checkpoint_steps: 5
evidence: {resamples: 100}
"""
CLUSTER = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=5,socket={folder}/munge/socket
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
BatchStartTimeout=2
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# What is measured differs from call to call; a record's checksum follows from it.
MEASURED = {"seconds", "seconds_per_step", "peak_memory_mb", "date", "sidecar"}
MEASURED_TABLES = {"fairness.tsv", "networks.tsv", "history.tsv"}
UNSTABLE = {f".{name}.checksum" for name in (*MEASURED_TABLES, "environment.json")}
MEASURED_SECTIONS = r'<section id="(fairness|cost)">.*?</section>'
ATTEMPTS = ["--slurm-status-attempts", "1000"]  # as in profiles/slurm
WAYS = [
    *("--executor", "slurm", "--jobs", "4", "--retries", "2"),
    *("--default-resources", "slurm_account=none", "slurm_partition=main"),
    *("--slurm-status-command", "squeue", "--seconds-between-status-checks", "1"),
    *("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def why_not():
    """Why no SLURM can be started here; empty if one can."""
    if not os.environ.get("MEDINORM_SLURM"):
        return "takes minutes: set MEDINORM_SLURM=1"
    lacking = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if lacking:
        return f"no {', '.join(lacking)}: apt-get install slurm-wlm munge"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "pip install snakemake-executor-plugin-slurm"
    if os.geteuid() != 0:
        return "a SLURM of one's own is started by root only"
    if CONFIGURATION.exists():
        return f"this computer belongs to a SLURM: {CONFIGURATION}"
    return ""


def configure(folder):
    """Write key and configuration."""
    folder.chmod(0o755)
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    text = CLUSTER.format(
        host=socket.gethostname().partition(".")[0],
        folder=folder,
        controller=free_port(),
        node=free_port(),
        cpus=os.cpu_count(),
        memory=memory,
    )
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(text)


def list_processes():
    """The processes that watch over jobs, and those with all that they started."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid=,comm="], check=True, capture_output=True, text=True
    )
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    steps = {row[0] for row in rows if row[2].startswith("slurmstepd")}
    below = set(steps)
    while more := {row[0] for row in rows if row[1] in below} - below:
        below |= more
    return steps, below


def send(number, pids):
    """Send a signal to processes, some of which may have ended."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), number)


@dataclass(frozen=True)
class Cluster:
    """A controller and a node, each a process."""

    folder: Path
    environment: dict
    started: list = field(default_factory=list)

    def start(self, command):
        """Start a daemon."""
        with (self.folder / f"{command[0]}.out").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log
            )
        self.started.append(process)
        time.sleep(0.5)

    def await_idle(self):
        """Return when the node takes jobs."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end and all(p.poll() is None for p in self.started):
            asked = subprocess.run(
                ["sinfo", "--noheader", "--format=%T"],
                check=False,
                env=self.environment,
                capture_output=True,
                text=True,
            )
            if asked.stdout.strip() in {"idle", "mixed", "allocated"}:
                return
            time.sleep(0.3)
        logs = [*self.folder.glob("*.out"), *self.folder.glob("*.log")]
        pytest.fail(f"SLURM does not start: {[p.read_text()[-1500:] for p in logs]}")

    def freeze_jobs(self):
        """Let the processes of the jobs wait, but not those that watch over them."""
        steps, below = list_processes()
        send(signal.SIGSTOP, below - steps)

    def stop_node(self):
        """Kill the node and all that runs on it, as a loss of power would."""
        node = self.started.pop()
        _, doomed = list_processes()
        node.kill()
        send(signal.SIGKILL, doomed)
        node.wait(DEADLINE)

    def stop_controller(self):
        """Kill the controller; its state is on disk."""
        (controller,) = (p for p in self.started if p.args == CONTROLLER)
        self.started.remove(controller)
        controller.kill()
        controller.wait(DEADLINE)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A controller and one node; the environment in which commands find them."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("slurm")
    configure(folder)
    environment = os.environ | {"PATH": PATH}
    munge = ["munged", "--foreground", "--force", "--num-threads=1"]
    for what in ("key", "socket", "pid", "seed", "log"):
        flag = what if what == "socket" else f"{what}-file"
        munge.append(f"--{flag}={folder}/munge/{what}")
    cluster = Cluster(folder, environment)
    try:
        for command in (munge, CONTROLLER, NODE):
            cluster.start(command)
        cluster.await_idle()
        yield cluster
    finally:
        for process in reversed(cluster.started):
            process.terminate()
            process.wait(DEADLINE)
        CONFIGURATION.unlink()


def words_of(folder):
    """How snakemake is called for the study of a folder."""
    snakefile = Path(__file__).parents[2] / "Snakefile"
    return ["--snakefile", snakefile, "--configfile", folder / "study.yaml"]


def run(folder, environment, *words, check=True):
    """Run the study of a folder."""
    command = [sys.executable, "-m", "snakemake", "--directory", folder]
    command += [*words_of(folder), *words]
    done = subprocess.run(
        command,
        check=False,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0 or not check, done.stdout[-4000:]
    return done.stdout


@contextmanager
def call_of(slurm, folder, *words):
    """A call of snakemake in a folder, which ends here."""
    command = [sys.executable, "-m", "snakemake", "--directory", folder, *words]
    with (folder / "log.txt").open("wb") as log:
        call = subprocess.Popen(command, env=slurm.environment, stdout=log, stderr=log)
    try:
        yield call
    finally:
        call.kill()
        call.wait(DEADLINE)


@contextmanager
def begun(slurm, folder, *words):
    """A call in a folder whose job has begun, and its words; the call ends here."""
    words = (*WAYS, "--snakefile", folder / "Snakefile", *words)
    with call_of(slurm, folder, *words) as call:
        end = time.monotonic() + 2 * DEADLINE
        while not (folder / "begun").exists() and time.monotonic() < end:
            assert call.poll() is None, (folder / "log.txt").read_text()
            time.sleep(0.2)
        yield call, call.args


def prepare(folder):
    """Write a study and its key, the same each time."""
    (folder / "study.yaml").write_text(STUDY)
    (folder / "private").mkdir(mode=0o700)
    (folder / "private" / "pseudonym.key").write_bytes(bytes(range(32)))
    (folder / "private" / "pseudonym.key").chmod(0o600)


@pytest.fixture(scope="module")
def local(slurm, tmp_path_factory):
    """The results of the study without a cluster."""
    folder = tmp_path_factory.mktemp("local")
    prepare(folder)
    run(folder, slurm.environment, "--cores", "1")
    return folder / "results"


@pytest.fixture(scope="module")
def cluster(slurm, tmp_path_factory):
    """The results of the same study, with the same key, with a cluster."""
    folder = tmp_path_factory.mktemp("cluster")
    prepare(folder)
    run(folder, slurm.environment, *WAYS)
    return folder / "results"


def strip_measured(value):
    """A JSON value without what is measured."""
    if isinstance(value, dict):
        return {k: strip_measured(v) for k, v in value.items() if k not in MEASURED}
    return (
        [strip_measured(item) for item in value] if isinstance(value, list) else value
    )


def read_lasting(path):
    """What a file holds without times and memory, which differ from call to call."""
    if path.name.startswith("events."):
        return None  # each event has its time
    content = path.read_bytes()
    if path.name in MEASURED_TABLES:
        return strip_measured([dict(row) for row in read_table(path)])
    if path.name in {"environment.json", "model.json"}:
        return strip_measured(json.loads(content))
    if path.name == "report.html":
        text = re.sub(MEASURED_SECTIONS, "", content.decode(), flags=re.DOTALL)
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "", text)
    if "train" in path.parts and path.suffix == ".log":
        return re.sub(rb"[\d.]+ (s a step|min left)", b"", content)
    return content


def differing(one, other):
    """The names of files that only one of two results has, or that differ."""
    files, others = (
        {
            path.relative_to(results)
            for path in results.rglob("*")
            if path.is_file() and path.name not in UNSTABLE
        }
        for results in (one, other)
    )
    same = {
        name
        for name in files & others
        if read_lasting(one / name) == read_lasting(other / name)
    }
    return sorted(map(str, (files | others) - same))


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(local, cluster):
    assert (cluster / "report" / "report.html").stat().st_size > 1e5
    assert differing(local, cluster) == []


@pytest.mark.slow
def test_a_study_whose_node_stops_in_the_middle_ends_with_the_same_bytes(
    slurm, local, tmp_path
):
    """Its networks go on from their checkpoints when the node is back."""
    prepare(tmp_path)
    end = time.monotonic() + 60 * DEADLINE
    with call_of(slurm, tmp_path, *words_of(tmp_path), *WAYS, *ATTEMPTS) as call:
        while not list((tmp_path / "results").glob("runs/**/last.ckpt")):
            assert time.monotonic() < end
            assert call.poll() is None, (tmp_path / "log.txt").read_text()[-3000:]
            time.sleep(0.005)
        slurm.freeze_jobs()
        time.sleep(15)  # the controller is to know of the start, see below
        slurm.stop_node()
        slurm.start(NODE)
        assert call.wait(60 * DEADLINE) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    resumed = [
        name
        for name in differing(local, tmp_path / "results")
        if "tfevents" not in name
    ]
    logs = [name for name in resumed if name.startswith("logs/train/")]
    assert logs  # a network says how it went on
    assert resumed == logs


@pytest.mark.slow
def test_a_cluster_without_accounts_is_not_asked_for_them(slurm, tmp_path):
    prepare(tmp_path)
    ways = [word if word != "squeue" else "sacct" for word in WAYS]
    printed = run(tmp_path, slurm.environment, *ways, check=False)
    assert "add --slurm-status-command squeue" in printed
    assert not (tmp_path / "private" / "index.jsonl").exists()


@pytest.mark.slow
def test_no_log_has_a_path_of_the_machine(cluster):
    logs = [path for path in (cluster / "logs").rglob("*.log") if path.is_file()]
    assert len(logs) > 10
    for path in logs:
        text = path.read_text()
        for root in (str(cluster.parent), sys.prefix, "/usr/", "/home/"):
            assert root not in text, path.name


@pytest.mark.slow
def test_a_job_without_enough_memory_is_tried_again_with_more(slurm, tmp_path):
    """The first attempt asks for less than Python itself takes."""
    (tmp_path / "Snakefile").write_text(
        "rule all:\n"
        "    output: 'done'\n"
        "    resources:\n"
        "        mem_mb=lambda wildcards, attempt: 150 if attempt == 1 else 1500\n"
        "    shell:\n"
        "        'python -c \"import time; x = bytearray(400 << 20); time.sleep(4)\"'\n"
        "        ' && echo {resources.mem_mb} > {output}'\n"
    )
    command = [sys.executable, "-m", "snakemake", "--directory", tmp_path, *WAYS]
    command += ["--snakefile", tmp_path / "Snakefile"]
    done = subprocess.run(
        command, check=False, env=slurm.environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "done").read_text() == "1500\n"


@pytest.mark.slow
def test_a_node_that_stops_in_the_middle_does_not_end_the_call(slurm, tmp_path):
    """The job is started again when the node is back, and the call goes on."""
    (tmp_path / "Snakefile").write_text(
        "rule all:\n"
        "    output: 'done'\n"
        "    shell:\n"
        "        'if test -e begun; then touch {output};'\n"
        "        ' else touch begun; sleep 600; fi'\n"
    )
    with begun(slurm, tmp_path) as (call, _):
        # The controller misses only jobs that have had the time to report their start:
        # BatchStartTimeout, and 10 s for the message.
        time.sleep(15)
        slurm.stop_node()
        slurm.start(NODE)
        assert call.wait(2 * DEADLINE) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    assert (tmp_path / "done").exists()


@pytest.mark.slow
def test_a_call_and_its_cluster_that_are_killed_are_called_again(slurm, tmp_path):
    """The call, the node and the controller at once, as when all of them lose power."""
    (tmp_path / "Snakefile").write_text(
        "rule all:\n"
        "    input: 'first', 'second'\n"
        "rule each:\n"
        "    output: '{name}'\n"
        "    shell:\n"
        "        'if test -e begun; then touch {output};'\n"
        "        ' else touch begun; sleep 600; fi'\n"
    )
    with begun(slurm, tmp_path, "--nolock", "--rerun-incomplete") as (_, command):
        time.sleep(15)  # as above: the controller is to know of the start
    slurm.stop_node()
    slurm.stop_controller()
    slurm.start(CONTROLLER)
    slurm.start(NODE)
    slurm.await_idle()
    again = subprocess.run(
        command,
        check=False,
        env=slurm.environment,
        capture_output=True,
        text=True,
        timeout=5 * DEADLINE,
    )
    assert again.returncode == 0, again.stderr[-3000:]
    assert (tmp_path / "first").exists()
    assert (tmp_path / "second").exists()


@pytest.mark.slow
def test_a_controller_that_is_away_for_a_while_does_not_hold_the_call(slurm, tmp_path):
    """Jobs run on; their state cannot be asked for until it is back."""
    (tmp_path / "Snakefile").write_text(
        "rule all:\n"
        "    output: 'done'\n"
        "    shell: 'touch begun; sleep 20; touch {output}'\n"
    )
    with begun(slurm, tmp_path, *ATTEMPTS) as (call, _):
        # When the executor asks for the first time it learns how to ask; a controller
        # that is away then is one that it never asks again.
        time.sleep(8)
        slurm.stop_controller()
        time.sleep(25)
        slurm.start(CONTROLLER)
        slurm.started.insert(-1, slurm.started.pop())  # the node stays the last one
        assert call.wait(2 * DEADLINE) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    assert (tmp_path / "done").exists()
