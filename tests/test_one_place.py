"""A network, augmentation, adaptation, design or scanner is added in one place."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NETWORK = '''"""A network of one layer."""

from torch import nn

from medinorm.config import NetworkConfig
from medinorm.train.networks.registry import MonaiNorm, network


@network("tiny", "one convolution", uses=())
def build_tiny(
    config: NetworkConfig, channels: int, classes: int, norm: MonaiNorm
) -> nn.Module:
    """One convolution."""
    return nn.Conv3d(channels, classes, 1)
'''
ADDED = {
    "train/augmentations.py": """
@augmentation("shift", "random offset")
def _shift(on_voxels):
    return [RandShiftIntensityd(keys="image", offsets=0.1, prob=1.0)]
""",
    "predict/adaptations.py": """
@adaptation("forget", "all weights at 0", norms=("group",), learns=False)
def _forget(network, images, card):
    return network
""",
    "split/designs.py": """
@design("two", "two of the domains", domains=2, shown="first {trained}")
def _choose_two(names):
    yield "two", frozenset(names[:2])
""",
    "demo/scanners.py": """
@scanner("research_3t", "3 T, axial", seed=4)
def _research_3t():
    return _ge_15t()
""",
}
LOOK_AROUND = """
import json, sys
from typing import get_args
from medinorm.config import parse_study
from medinorm.config.reference import key_reference, schema
from medinorm.report.figures.charts import _in_words
from medinorm.report.text.definitions import ADAPTS, DESIGNS
study = parse_study({
    "demo": {"scanners": ["ge_15t", "research_3t"]},
    "split": {"designs": ["two"]},
    "experiments": {"norm": ["group"], "adapt": ["none", "forget"],
        "augmentation": ["shift"]},
    "train": {"network": {"name": "tiny"}},
})
light = not {"torch", "monai"} & set(sys.modules)
from medinorm.demo.patients import draw_patient
from medinorm.demo.scanners import SCANNERS
from medinorm.predict.adaptations import ADAPTATIONS
from medinorm.split.stage import plan_splits
from medinorm.train.augmentations import compose_augmentation
from medinorm.train.networks.build import build_network
network = build_network(
    study.train.network, channels=1, classes=2, norm="group", norm_options={}
)
words, reference = json.dumps(schema()), key_reference()
names = ("tiny", "shift", "forget", "two", "research_3t")
print(json.dumps({
    "light": light,
    "schema": [name for name in names if f'"{name}"' not in words],
    "reference": [name for name in names if f"`{name}`: " not in reference],
    "report": [ADAPTS["forget"], DESIGNS["two"], _in_words("two", {"A"}, {"A", "B"})],
    "network": type(network).__name__,
    "augmentation": len(compose_augmentation("shift").transforms),
    "adaptation": ADAPTATIONS["forget"].norms,
    "splits": [(s.name, sorted(s.domains)) for s in plan_splits("CAB", study.split)],
    "scanner": SCANNERS["research_3t"].field_strength,
    "patient": draw_patient(0, "research_3t", 0) != draw_patient(0, "ge_15t", 0),
}))
"""


def test_everything_else_follows_from_the_declaration(tmp_path):
    shutil.copytree(ROOT / "medinorm", tmp_path / "medinorm")
    (tmp_path / "medinorm/train/networks/tiny.py").write_text(NETWORK)
    for name, text in ADDED.items():
        with (tmp_path / "medinorm" / name).open("a") as file:
            file.write(f"\n{text}")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
        )
        return done.stdout + done.stderr

    seen = json.loads(run("-c", LOOK_AROUND).splitlines()[-1])
    assert seen == {
        "light": True,
        "schema": [],
        "reference": [],
        "report": ["all weights at 0", "two of the domains", "first A"],
        "network": "Conv3d",
        "augmentation": 1,
        "adaptation": ["group"],
        "splits": [["two", ["A", "B"]]],
        "scanner": 1.5,
        "patient": True,
    }
    text = run("-m", "medinorm", "predict", "--adapt", "forgett")
    assert "forget" in text.replace("forgett", "")
    assert "research_3t" in run("-m", "medinorm", "demo", "--help")
