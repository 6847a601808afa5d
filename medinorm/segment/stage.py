"""The segment stage: new scans in, label maps in their own geometry out."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from medinorm.bundle.contents import (
    METADATA,
    BundleContents,
    read_bundle,
    read_networks,
)
from medinorm.config import IngestConfig, InputConfig
from medinorm.damage import require_intact
from medinorm.errors import StageError
from medinorm.expected.judge import is_known, judge_scan
from medinorm.expected.judged import JUDGED, JUDGED_FACT, write_judged
from medinorm.files.atomic import checksum, read_json
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import (
    Provenance,
    discard_others,
    discarding,
    is_current,
    recorded_checksum,
    sidecar_path,
    write_sidecar,
)
from medinorm.ingest.stage import ingest_scans
from medinorm.jobs.declare import stage
from medinorm.jobs.memory import keep_freed_memory
from medinorm.jobs.shards import Done, run_items
from medinorm.layout import Layout
from medinorm.records.scans import ScanRow, read_scans
from medinorm.records.status import ScanStatus
from medinorm.segment.ensemble import Ensemble
from medinorm.segment.images import list_images

SEGMENTATIONS = "segmentations"
VOLUMES = "volumes.tsv"
_STATUS = "segmented.tsv"
_WORK = "work"
_FACT = "volumes_ml"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class VolumeRow:
    """One row of `volumes.tsv`: a label in a scan.

    Args:
        scan: the scan's id.
        label: value in the label map.
        name: of the label.
        volume_ml: its volume.
    """

    scan: str
    label: int
    name: str
    volume_ml: float


@stage("segment", after="bundle")
def segment_scans(  # noqa: PLR0913  (one argument a flag)
    bundle: Path,
    output: Path,
    *,
    images: Sequence[Path] = (),
    scans: Path | None = None,
    dicom: Sequence[Path] = (),
    private: Path = Path("private"),
    ingest: IngestConfig,
) -> None:
    """Segment new scans with a bundle; label maps lie on the scans' own grids.

    Scans are read, checked and de-identified as those of a study are. Label maps that
    are current are kept, so that a call that was stopped goes on where it was.

    Args:
        bundle: folder that `medinorm bundle` wrote.
        output: folder to write: `segmentations`, `volumes.tsv`, `expected.tsv` (the
            Dice to expect of each scan, and whether the networks know its like), and
            what ingest says.
        images: image files, or folders of them, of a bundle with one channel.
        scans: or a table with columns `subject` and one for each channel.
        dicom: or folders of DICOM files, or ZIP archives in them.
        private: folder of the key and of what links pseudonyms to the input.
        ingest: how scans are checked and named.

    Raises:
        StageError: the bundle cannot be used, not exactly one input is named, or none
            of its scans is usable.
    """
    folder, bundle_folder = Path(output), Path(bundle)
    contents = read_bundle(bundle_folder)
    source = _source(contents, list(map(Path, images)), scans, dicom, Path(private))
    ingest_scans(
        folder,
        private=Path(private),
        columns=contents.domain,
        input=source,
        ingest=ingest,
    )
    layout = Layout(str(folder), str(private))
    table = Path(layout.scans)
    known = read_scans(table, Path(layout.canonical))
    torch.set_num_threads(max(torch.get_num_threads(), 1))
    keep_freed_memory()
    settings = {"bundle": checksum(bundle_folder / METADATA), "judged": True}
    discard_others(folder / SEGMENTATIONS, known.keys())

    @cache
    def ensemble() -> Ensemble:
        """The networks, read when the first scan needs them."""
        networks = read_networks(bundle_folder, contents)
        return Ensemble(contents, networks, folder / _WORK)

    def work(row: ScanRow) -> Done[str]:
        scan, target = known[row.scan], _target(folder, row.scan)
        with discarding(target):
            image = recorded_checksum(require_intact(scan.image))
            provenance = Provenance(settings, {"image": image})
            if is_current(target, provenance):
                return Done("current", recorded_checksum(target))
            domain = _domain(row, contents)
            label_map, seen = ensemble().look(scan, domain)
            write_volume(label_map, target)
            trained = is_known(domain, contents.card.domains)
            judged = judge_scan(row, seen, contents.reference, trained)
            facts = {_FACT: _measure(label_map, contents), JUDGED_FACT: asdict(judged)}
            return Done("made", write_sidecar(target, provenance, facts))

    rows = read_records(table, ScanRow)
    ended = run_items(rows, work, folder / _STATUS, title="segment", record=ScanStatus)
    done = [row.scan for row, end in ended if isinstance(end, Done)]
    _write_volumes(folder, done, contents)
    write_judged(folder / JUDGED, [_target(folder, scan) for scan in sorted(done)])
    _log.info("%d of %d scans segmented", len(done), len(rows))


def _source(
    contents: BundleContents,
    images: Sequence[Path],
    scans: Path | None,
    dicom: Sequence[Path],
    private: Path,
) -> InputConfig:
    """The scans to segment, as the input of a study.

    Raises:
        StageError: not exactly one input is named.
    """
    channels = contents.card.channels
    if sum(map(bool, (images, scans, dicom))) != 1:
        raise StageError("name one input: --images, --scans or --dicom")
    if images and len(channels) > 1:
        raise StageError(
            f"--images: the bundle needs {len(channels)} channels a scan; give --scans "
            f"with the columns {', '.join(channels)}"
        )
    table = list_images(images, private, channels[0]) if images else scans
    return InputConfig(
        channels=channels,
        label_values=dict(contents.labels),
        others="background",
        scans=table,
        dicom=tuple(map(Path, dicom)),
    )


def _target(folder: Path, scan: str) -> Path:
    """The label map of a scan."""
    return folder / SEGMENTATIONS / f"{scan}.nii.gz"


def _domain(row: ScanRow, contents: BundleContents) -> str:
    """The domain of a scan, where its headers or the table tell it; else empty."""
    known = {**row.identity.texts, **row.own}
    values = [known.get(column, "") for column in contents.domain]
    return " ".join(values) if all(values) else ""


def _measure(label_map: Volume, contents: BundleContents) -> dict[str, float]:
    """Volume of each label in ml, by its value."""
    voxel = float(np.prod(label_map.spacing)) / 1000
    return {
        str(value): round(int(np.count_nonzero(label_map.array == value)) * voxel, 6)
        for value in contents.labels
    }


def _write_volumes(
    folder: Path, scans: Sequence[str], contents: BundleContents
) -> None:
    """Write the volume of each label in each scan."""
    rows = [
        VolumeRow(scan, value, name, read_json(sidecar)[_FACT][str(value)])
        for scan in sorted(scans)
        for sidecar in [sidecar_path(_target(folder, scan))]
        for value, name in contents.labels.items()
    ]
    write_records(folder / VOLUMES, rows, VolumeRow)
