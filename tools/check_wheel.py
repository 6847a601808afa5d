"""Does the wheel do what the README says, in a fresh environment outside any clone?

    python tools/check_wheel.py [--python python3.12] [--keep FOLDER]
    python tools/check_wheel.py --lowest [--torch 2.13.0]

Builds the wheel, checks its description for a package index, installs it, and then:

1. the layers alone need torch and numpy; what they take is printed;
2. `medinorm run` makes a tiny study from DICOM to report;
3. `medinorm bundle` and `medinorm segment --seg` segment the study's DICOM without its
   labels, by a network that knows the scanner and by one that does not: the label maps
   have the Dice of the workflow's own, and those in DICOM SEG are the same;
4. `python -m monai.bundle run` gives the same label maps.

Takes minutes and downloads what the wheel needs. `--lowest` installs the oldest
versions that pyproject.toml allows, by uv, and says what fails; `--torch` takes another
torch, since the oldest one brings gigabytes for CUDA.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
title: Study of the wheel
input:
  channels: [T1w]
demo:
  scanners: [siemens_3t, philips_3t]
  subjects: 3
  spacing: 4.0
split:
  designs: [lodo, pooled]
  folds: 2
harmonize:
  spacing: [4.0, 4.0, 4.0]
experiments:
  intensity: [zscore]
  norm: [instance]
  seeds: [0]
train:
  recipe: fast
  network: {channels: [4, 8]}
  patch: [16, 16, 16]
  steps: 40
evidence:
  resamples: 100
"""
MOST_DICE = 1e-3  # that may lie between the workflow's label maps and ours

# Runs in the fresh environment: its own packages read what it wrote.
COMPARE = """\
import sys
from pathlib import Path
import numpy as np
from medinorm.files.nifti import read_volume
from medinorm.ingest.labels.segmentation import read_segmentation
from medinorm.bundle.contents import read_bundle

results, output, seg, split, bundle = map(Path, sys.argv[1:6])
labels = read_bundle(bundle).labels

def dice(a, b):
    scores = [2 * ((a == v) & (b == v)).sum() / max((a == v).sum() + (b == v).sum(), 1)
              for v in labels]
    return float(np.mean(scores))

worst, number = 0.0, 0
for theirs in sorted(results.glob(f"predictions/*/*/*/*/{split}/seed-0/sub-*.nii.gz")):
    ours = output / "segmentations" / theirs.name
    name = theirs.name.rpartition("_")[0] + "_dseg.nii.gz"
    (label,) = results.glob(f"canonical/derivatives/labels/**/{name}")
    truth, a, b = (read_volume(p) for p in (label, ours, theirs))
    worst = max(worst, abs(dice(a.array, truth.array) - dice(b.array, truth.array)))
    dicom = read_segmentation(seg / f"{theirs.name.removesuffix('.nii.gz')}.dcm",
                              a, labels, 1e-3)
    assert np.array_equal(dicom.array, a.array), "DICOM SEG and NIfTI differ"
    number += 1
assert number, "the workflow segmented nothing"
print(f"{split}: {number} scans, Dice differs by at most {worst:.2g}")
sys.exit(worst > float(sys.argv[6]))
"""


class Environment:
    """A fresh virtual environment, and commands in it outside of any clone.

    Args:
        folder: to make it in.
        python: the interpreter.
    """

    def __init__(self, folder: Path, python: str) -> None:
        subprocess.run([python, "-m", "venv", folder / "env"], check=True)
        self.bin = folder / "env" / "bin"
        self.work = folder / "work"
        self.work.mkdir()

    @property
    def variables(self) -> Mapping[str, str]:
        """Nothing of the caller's Python leads in."""
        own = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        path = f"{self.bin}:{os.environ['PATH']}"
        return own | {"PATH": path, "OMP_NUM_THREADS": "1", "VIRTUAL_ENV": ""}

    def run(self, *words: str | Path) -> str:
        """Run a command; what it printed."""
        shown = " ".join(map(str, words))
        sys.stderr.write(f"$ {shown[:160]}\n")
        start = time.monotonic()
        done = subprocess.run(
            list(map(str, words)),
            cwd=self.work,
            env=dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.stderr.write(done.stdout[-4000:])
            raise SystemExit(f"failed after {time.monotonic() - start:.0f} s: {shown}")
        return done.stdout

    def install(self, *words: str | Path) -> None:
        """Install packages by pip."""
        self.run("python", "-m", "pip", "install", "-q", *words)


def build_wheel(folder: Path) -> Path:
    """Build the wheel and check its description; where it is."""
    python, dist = sys.executable, folder / "dist"
    subprocess.run(
        [python, "-m", "build", "--wheel", "--no-isolation", "-o", dist, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = dist.glob("*.whl")
    subprocess.run([python, "-m", "twine", "check", "--strict", wheel], check=True)
    return wheel


def measure_layers(environment: Environment) -> str:
    """What the layers alone take: packages, MB and seconds."""
    listed = environment.run("python", "-m", "pip", "list", "--format", "freeze")
    size = environment.run("du", "-sm", environment.bin.parent).split()[0]
    start = time.monotonic()
    environment.run("python", "-c", "from medinorm.layers import InstanceNorm3d")
    seconds = time.monotonic() - start
    count = len(listed.splitlines())
    return f"layers alone: {count} packages, {size} MB, {seconds:.1f} s to import"


def segment_all(environment: Environment, split: str) -> str:
    """Segment the study's DICOM by the networks of a split, and compare."""
    work, run = environment.work, environment.run
    bundle, output, seg = (
        work / f"{split}-{name}" for name in ("bundle", "out", "seg")
    )
    private = work / f"{split}-private"
    private.mkdir(mode=0o700)
    for key in (work / "private").glob("*key*"):  # the same key: the same pseudonyms
        shutil.copyfile(key, private / key.name)
    run(
        *("medinorm", "bundle", "--results", "results", "--bundle", bundle),
        *("--variant", "zscore/instance", "--split", split, "--licence", "CC0"),
    )
    run(
        *("medinorm", "segment", "--bundle", bundle, "--output", output),
        *("--dicom", work / "private" / "demo" / "dicom", "--private", private),
        *("--seg", seg),
    )
    words = ("results", output, seg, split, bundle, str(MOST_DICE))
    compared = run("python", "-c", COMPARE, *words)
    return compared + run_monai(environment, bundle, output)


def run_monai(environment: Environment, bundle: Path, output: Path) -> str:
    """Segment one canonical scan by MONAI's own command, and compare."""
    made = min((output / "segmentations").glob("*.nii.gz"))
    (image,) = (output / "canonical").glob(f"sub-*/**/{made.name}")
    by_monai = output.with_name(f"{output.name}-monai")
    environment.run(
        *("python", "-m", "monai.bundle", "run"),
        *("--config_file", bundle / "configs" / "inference.json"),
        *("--meta_file", bundle / "configs" / "metadata.json"),
        *("--bundle_root", bundle, "--images", f"['{image}']"),
        *("--output_dir", by_monai, "--private_dir", by_monai / "private"),
    )
    (theirs,) = (by_monai / "segmentations").glob("*.nii.gz")
    environment.run(
        *("python", "-c"),
        "import sys, nibabel as n, numpy as np; a, b = map(n.load, sys.argv[1:]);"
        "assert np.array_equal(a.get_fdata(), b.get_fdata())",
        *(made, theirs),
    )
    return "monai.bundle run: the same label map\n"


def check(folder: Path, python: str, *, lowest: bool, torch: str) -> None:
    """Do all of it and print what was found."""
    wheel = build_wheel(folder)
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, description accepted")
    environment = Environment(folder, python)
    constraints = ["-c", ROOT / "constraints.txt"]
    if lowest:
        install_lowest(environment, wheel, torch)
    else:
        environment.install(wheel, *constraints)
        print(measure_layers(environment))
        environment.install(f"{wheel}[workflow,seg]", "fire", *constraints)
    (environment.work / "study.yaml").write_text(STUDY)
    environment.run("medinorm", "run", "study.yaml", "--cores", "1", "--quiet", "all")
    report = environment.work / "results" / "report" / "report.html"
    print(f"medinorm run: a report of {report.stat().st_size / 1e6:.1f} MB")
    lodo = min((environment.work / "results").glob("runs/*/*/*/lodo-*")).name
    for split in ("pooled", lodo):
        print(segment_all(environment, split), end="")


def list_requirements(*extras: str) -> list[str]:
    """What pyproject.toml requires, with some extras, without medinorm itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(r for name in extras for r in optional[name])]
    return [line for line in wanted if not line.startswith("medinorm")]


def install_lowest(environment: Environment, wheel: Path, torch: str) -> None:
    """Install the oldest versions that the wheel allows, as uv chooses them.

    They are named one by one: what a wheel requires is not direct for uv, which would
    take the newest versions of it.
    """
    environment.install("uv")
    uv = ("uv", "pip", "install", "--python", environment.bin / "python")
    overrides = environment.work / "overrides.txt"
    overrides.write_text(f"torch=={torch}\n" if torch else "")
    environment.run(
        *(*uv, "--resolution", "lowest-direct", "--overrides", overrides),
        *(f"medinorm[workflow,seg] @ {wheel.as_uri()}", "fire>=0.6"),
        *list_requirements("workflow", "seg"),
    )
    listed = environment.run("python", "-m", "pip", "list", "--format", "freeze")
    print(listed.replace("\n", " "))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the script."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--lowest", action="store_true")
    parser.add_argument("--torch", default="", help="with --lowest: this version of it")
    parser.add_argument("--keep", type=Path, help="work in this new folder and keep it")
    options = parser.parse_args(arguments)
    run = partial(
        check, python=options.python, lowest=options.lowest, torch=options.torch
    )
    if options.keep:
        options.keep.mkdir(parents=True)
        run(options.keep.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder))


if __name__ == "__main__":
    main()
