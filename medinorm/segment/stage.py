"""The segment stage: new scans in, label maps in their own geometry out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from medinorm.bundle.contents import (
    METADATA,
    BundleContents,
    read_bundle,
    read_networks,
)
from medinorm.config import IngestConfig
from medinorm.damage import require_intact
from medinorm.expected.judge import is_known, judge_scan
from medinorm.expected.judged import JUDGED, JUDGED_FACT, write_judged
from medinorm.files.atomic import checksum, read_json
from medinorm.files.nifti import Volume, write_volume
from medinorm.files.records import read_records, write_records
from medinorm.files.sidecars import (
    KEY,
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
from medinorm.jobs.shards import Done, Failed, in_shard, run_items
from medinorm.jobs.turns import taking_turns
from medinorm.layout import Layout
from medinorm.records.scans import Scan, ScanRow, read_scans
from medinorm.records.status import ScanStatus
from medinorm.segment.dicom_stage import SegJob, check_seg, write_segs
from medinorm.segment.ensemble import Ensemble
from medinorm.segment.inputs import NamedInput, choose_input
from medinorm.segment.page import write_segmentation_page

SEGMENTATIONS = "segmentations"
VOLUMES = "volumes.tsv"
_WORK = "work"
_FACT = "volumes_ml"
_TURNS = ".segment-lock"  # in the private folder
_NOT_YET = "not segmented yet: it belongs to another shard"

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


@dataclass(frozen=True)
class _Call:
    """What all scans of a call share.

    Args:
        bundle: folder of the bundle.
        contents: what it holds.
        layout: where ingest puts the scans.
        settings: what each label map depends on.
    """

    bundle: Path
    contents: BundleContents
    layout: Layout
    settings: Mapping[str, str]

    @property
    def folder(self) -> Path:
        """Where all results are."""
        return Path(self.layout.results)

    @cached_property
    def ensemble(self) -> Ensemble:
        """The networks, read when the first scan needs them."""
        networks = read_networks(self.bundle, self.contents)
        return Ensemble(self.contents, networks, self.folder / _WORK)

    @cached_property
    def scans(self) -> dict[str, Scan]:
        """All usable scans by their id."""
        return read_scans(Path(self.layout.scans), Path(self.layout.canonical))

    def target(self, scan: str) -> Path:
        """The label map of a scan."""
        return self.folder / SEGMENTATIONS / f"{scan}.nii.gz"


@stage("segment", after="bundle")
def segment_scans(  # noqa: PLR0913  (one argument a flag)
    bundle: Path,
    output: Path,
    *,
    images: Sequence[Path] = (),
    scans: Path | None = None,
    dicom: Sequence[Path] = (),
    private: Path = Path("private"),
    seg: Path | None = None,
    shard: int = 0,
    shards: int = 1,
    ingest: IngestConfig,
) -> None:
    """Segment new scans with a bundle; label maps lie on the scans' own grids.

    Scans are read, checked and de-identified as those of a study are. Label maps that
    are current are kept, so that a call that was stopped goes on where it was. Several
    calls may share the work: the first reads the scans, each segments those of its
    shard, and the last to end has written all.

    Args:
        bundle: folder that `medinorm bundle` wrote.
        output: folder to write: `segmentations`, `volumes.tsv`, `expected.tsv` (the
            Dice to expect of each scan, and whether the networks know its like), a page
            with previews, and what ingest says.
        images: image files, or folders of them, of a bundle with one channel.
        scans: or a table with columns `subject` and one for each channel.
        dicom: or folders of DICOM files, or ZIP archives of them.
        private: folder of the key and of what links pseudonyms to the input.
        seg: folder for DICOM SEG objects of scans that are DICOM; they name the patient
            and the study of their source, so that a PACS can file them.
        shard: which part of the work, from 0.
        shards: into how many parts it is divided.
        ingest: how scans are checked and named.

    Raises:
        StageError: the bundle cannot be used, not exactly one input is named, or none
            of its scans is usable.
    """
    contents = read_bundle(Path(bundle))
    check_seg(seg, dicom, Path(output))
    named = NamedInput([*map(Path, images)], scans, [*map(Path, dicom)])
    card, labels = contents.card, contents.labels
    source = choose_input(named, card.channels, labels, Path(private))
    settings = {"bundle": checksum(Path(bundle) / METADATA), "judged": "yes"}
    layout = Layout(str(output), str(private))
    call = _Call(Path(bundle), contents, layout, settings)
    Path(private).mkdir(mode=0o700, parents=True, exist_ok=True)
    turns = Path(private) / _TURNS
    with taking_turns(turns):
        ingest_scans(
            call.folder,
            private=Path(private),
            columns=contents.domain,
            input=source,
            ingest=ingest,
        )
        discard_others(call.folder / SEGMENTATIONS, call.scans.keys())
    rows = read_records(Path(layout.scans), ScanRow)
    own = in_shard(rows, shard, shards)
    keep_freed_memory()
    work = partial(_segment_scan, call=call)
    end = ".tsv" if shards == 1 else f"-{shard}.tsv"
    status = call.folder / f"segmented{end}"
    ended = run_items(own, work, status, title="segment", record=ScanStatus)
    with taking_turns(turns):
        _write_results(call, rows, ended)
    if seg is not None:
        label_maps = {
            row.scan: call.target(row.scan)
            for row, how in ended
            if isinstance(how, Done)
        }
        job = SegJob(
            *(Path(seg), Path(private), label_maps),
            *(contents, settings["bundle"], ingest.geometry),
        )
        write_segs(job, call.folder, call.folder / f"dicom_seg{end}")
    done = sum(isinstance(how, Done) for _, how in ended)
    _log.info("%d of %d scans segmented", done, len(own))


def _segment_scan(row: ScanRow, *, call: _Call) -> Done[str]:
    """Segment one scan, or find its label map current; the checksum of that."""
    scan, target = call.scans[row.scan], call.target(row.scan)
    with discarding(target):
        image = recorded_checksum(require_intact(scan.image))
        provenance = Provenance(call.settings, {"image": image})
        if is_current(target, provenance):
            return Done("current", recorded_checksum(target))
        contents, domain = call.contents, _domain(row, call.contents)
        label_map, seen = call.ensemble.look(scan, domain)
        write_volume(label_map, target)
        trained = is_known(domain, contents.card.domains)
        judged = judge_scan(row, seen, contents.reference, trained)
        facts = {_FACT: _measure(label_map, contents), JUDGED_FACT: asdict(judged)}
        return Done("made", write_sidecar(target, provenance, facts))


def _write_results(
    call: _Call,
    rows: Sequence[ScanRow],
    ended: Sequence[tuple[ScanRow, Done[str] | Failed]],
) -> None:
    """Write table and page of all scans, those of other shards too."""
    reasons = {row.scan: end.reason for row, end in ended if isinstance(end, Failed)}
    facts = {row.scan: _read_facts(call, row.scan) for row in rows}
    volumes = {scan: known for scan, known in facts.items() if known is not None}
    records = [
        VolumeRow(scan, value, name, volumes[scan][str(value)])
        for scan in sorted(volumes)
        for value, name in call.contents.labels.items()
    ]
    write_records(call.folder / VOLUMES, records, VolumeRow)
    label_maps = {scan: call.target(scan) for scan in volumes}
    write_judged(call.folder / JUDGED, [label_maps[scan] for scan in sorted(volumes)])
    waiting = dict.fromkeys(facts.keys() - volumes.keys(), _NOT_YET)
    write_segmentation_page(call.layout, label_maps, waiting | reasons, call.contents)


def _read_facts(call: _Call, scan: str) -> Mapping[str, float] | None:
    """The volume of each label, if this bundle has segmented the scan."""
    try:
        record = read_json(sidecar_path(call.target(scan)))
        made = record[KEY]["settings"] == call.settings
        return dict(record[_FACT]) if made else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


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
