"""What each part may import, and what its start-up may cost."""

import json
import pydoc
import rlcompleter
import subprocess
import sys

import pytest

import medinorm

HEAVY = {"torch", "monai", "lightning", "nilearn", "pandas", "matplotlib", "snakemake"}

# module: which heavy packages it may load, and megabytes of memory it may take
BUDGET = {
    "medinorm": (set(), 20),
    "medinorm.cli.main": (set(), 60),
    "medinorm.workflow.wiring": (set(), 60),
    "medinorm.ingest.plan.stage": (set(), 200),
    "medinorm.ingest.convert.stage": (set(), 200),
    "medinorm.ingest.collect.stage": (set(), 200),
    "medinorm.split.stage": (set(), 60),
    "medinorm.harmonize.stage": (set(), 200),
    "medinorm.intensity": (set(), 200),
    "medinorm.score.stage": (set(), 200),
    "medinorm.evidence.stage": ({"pandas"}, 300),
    "medinorm.report.pages.report_page": ({"pandas", "matplotlib"}, 300),
    "medinorm.demo.study": ({"nilearn", "pandas"}, 300),
    "medinorm.layers": ({"torch"}, 400),
    "medinorm.transforms": ({"torch", "monai", "pandas", "matplotlib"}, 700),
    "medinorm.train.stage": (HEAVY - {"nilearn", "snakemake"}, 900),
}

# VmHWM, because the peak that getrusage gives includes that of the parent.
PROBE = """
import importlib, json, re, sys
importlib.import_module(sys.argv[1])
with open("/proc/self/status") as status:
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read())[1]) / 1024
tops = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps([peak, tops]))
"""


@pytest.mark.parametrize("module", BUDGET)
def test_start_up_costs_what_it_may(module):
    allowed, megabytes = BUDGET[module]
    out = subprocess.run(
        [sys.executable, "-c", PROBE, module], capture_output=True, check=True
    )
    peak, loaded = json.loads(out.stdout)
    assert HEAVY & set(loaded) <= allowed
    assert peak < megabytes


def test_lazy_parts_are_there_and_others_are_not():
    assert medinorm.layers.InstanceNorm3d
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = medinorm.nothing


def test_parts_are_listed_before_they_are_imported():
    code = "import sys, medinorm; print(*dir(medinorm)); print('torch' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    names, loaded = run.stdout.splitlines()
    assert {"intensity", "layers", "transforms", "__version__"} <= set(names.split())
    assert loaded == "False"


@pytest.mark.parametrize("part", ["intensity", "layers", "transforms"])
def test_tab_completion_and_help_show_the_parts(part):
    completer = rlcompleter.Completer({"medinorm": medinorm})
    assert f"medinorm.{part}" in completer.attr_matches(f"medinorm.{part[:4]}")
    assert f"\n    {part} " in pydoc.plain(pydoc.render_doc(medinorm))


# As in an environment that has MONAI and this package, but none of its dependencies.
ONLY_MONAI = """
import sys
for name in ("pydantic", "nibabel", "SimpleITK", "pydicom", "lightning", "yaml",
             "scipy", "pandas", "isal", "safetensors", "nilearn", "snakemake"):
    sys.modules[name] = None
from medinorm.layers import register_norms
register_norms()
from monai.networks.nets import UNet
ours = UNet(3, 1, 3, (8, 16, 32), (2, 2), norm="medinorm_group")
theirs = UNet(3, 1, 3, (8, 16, 32), (2, 2), norm="instance")
kinds = [{type(m).__module__ for m in n.modules() if "Norm" in type(m).__name__}
         for n in (ours, theirs)]
assert kinds[0] == {"medinorm.layers.norms.group"}, kinds
assert kinds[1] == {"torch.nn.modules.instancenorm"}, kinds
"""


# As after `pip install medinorm`, without any extra.
ONLY_TORCH = (
    ONLY_MONAI.partition("from medinorm")[0]
    + """
sys.modules |= dict.fromkeys(("monai", "tqdm", "SimpleITK", "jinja2", "PIL"))
import torch
from medinorm.layers import InstanceNorm3d
assert InstanceNorm3d(2)(torch.rand(1, 2, 3, 3, 3)).shape == (1, 2, 3, 3, 3)
from medinorm.__main__ import main
sys.exit(main())
"""
)


def test_without_extras_there_are_layers_and_the_command_says_what_it_needs():
    done = subprocess.run(
        [sys.executable, "-c", ONLY_TORCH], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "medinorm: only the layers are installed; for the command line and the "
        "workflow: pip install 'medinorm[workflow]'\n"
    )


def test_layers_need_torch_and_monai_only():
    done = subprocess.run(
        [sys.executable, "-c", ONLY_MONAI], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
