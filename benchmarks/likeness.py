"""Is a scanner recognized as unknown by its image alone?

    python benchmarks/likeness.py [--training 9] [--new 20]

Scans of the four simulated scanners are harmonized; no header is read. Each scanner in
turn is the unknown one: the measures that a bundle carries are fitted on training scans
of the three others. Printed for each measure: the share of the unknown scanner's scans
that are flagged, and the share of new scans of the known scanners (false alarms).
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from medinorm.config import DemoConfig, HarmonizeConfig
from medinorm.demo.anatomy import Atlas, read_atlas
from medinorm.demo.scanners import SCANNERS
from medinorm.demo.study import simulate_scan
from medinorm.expected.likeness.distance import TrainingDomains
from medinorm.expected.likeness.profile import profile_image
from medinorm.expected.likeness.texture import measure_texture
from medinorm.expected.summarize import OTHER_ALARMS, TEXTURE_ALARMS
from medinorm.files.nifti import Volume, read_volume, write_volume
from medinorm.files.sidecars import Provenance, write_sidecar
from medinorm.harmonize.stage import Harmonizing, harmonize_scan
from medinorm.records.scans import Scan

SPACING = 3.0
MEASURES = {"intensities": OTHER_ALARMS, "texture": TEXTURE_ALARMS}

Measured = dict[str, dict[str, list[np.ndarray]]]


def measure_scans(atlas: Atlas, count: int, folder: Path) -> Measured:
    """The numbers of some scans of each scanner, by measure."""
    measured: Measured = {name: {} for name in MEASURES}
    settings = HarmonizeConfig(spacing=(SPACING,) * 3)
    job = Harmonizing(folder / "harmonized", "zscore", settings)
    for scanner in SCANNERS:
        for number in range(count):
            made = simulate_scan(
                atlas, scanner, number, settings=DemoConfig(spacing=SPACING)
            )
            path = folder / f"{scanner}-{number}.nii.gz"
            write_volume(Volume(made.values[np.newaxis], made.grid.affine), path)
            write_sidecar(path, Provenance({}, {}))
            scan = Scan(path.name, path.name, None, path, None, ("T1w",))
            harmonize_scan(scan, job)
            volume = read_volume(job.paths(scan)[0])
            rows = {
                "intensities": profile_image(volume.array, volume.spacing),
                "texture": measure_texture(volume.array),
            }
            for name, row in rows.items():
                measured[name].setdefault(scanner, []).append(row)
    return measured


def main() -> None:
    """Simulate, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--training", type=int, default=9)
    parser.add_argument("--new", type=int, default=20)
    arguments = parser.parse_args()
    training = arguments.training
    with TemporaryDirectory() as folder:
        measured = measure_scans(read_atlas(), training + arguments.new, Path(folder))
    print(f"{'unknown':<16}{'measure':<14}{'flagged':>8}{'false alarms':>14}")
    for unknown in SCANNERS:
        for name, alarms in MEASURES.items():
            rows = measured[name]
            known = [scanner for scanner in SCANNERS if scanner != unknown]
            domains = TrainingDomains.of(
                {scanner: rows[scanner][:training] for scanner in known},
                alarms=alarms,
            )
            new = [row for scanner in known for row in rows[scanner][training:]]
            flagged = np.mean([domains.measure(row).far for row in rows[unknown]])
            false = np.mean([domains.measure(row).far for row in new])
            print(f"{unknown:<16}{name:<14}{flagged:>8.0%}{false:>14.1%}")


if __name__ == "__main__":
    main()
