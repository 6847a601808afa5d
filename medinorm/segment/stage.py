"""The segment stage: new scans in, label maps in their own geometry out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from medinorm.bundle.contents import (
    METADATA,
    BundleContents,
    read_bundle,
    read_networks,
)
from medinorm.choices import AdaptName
from medinorm.config import IngestConfig
from medinorm.damage import require_intact
from medinorm.errors import StageError
from medinorm.expected.judge import is_known, judge_scan
from medinorm.expected.judged import JUDGED, JUDGED_FACT, write_judged
from medinorm.expected.records import JudgedScanRow
from medinorm.expected.reference import Reference
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
from medinorm.segment.inputs import NamedInput, check_folders, choose_input
from medinorm.segment.like import (
    LikeScans,
    choose_adaptation,
    read_like,
    tell_domain,
)
from medinorm.segment.page import write_segmentation_page

SEGMENTATIONS = "segmentations"
VOLUMES = "volumes.tsv"
_WORK = "work"
_FACT = "volumes_ml"
_TURNS = ".segment-lock"  # in the private folder
_JUDGED_BY = "intensities, texture, features"
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
        learned_from: unlabelled scans of the scanner, if there are.
    """

    bundle: Path
    contents: BundleContents
    layout: Layout
    settings: Mapping[str, str]
    learned_from: LikeScans | None = None

    @property
    def folder(self) -> Path:
        """Where all results are."""
        return Path(self.layout.results)

    @cached_property
    def ensemble(self) -> Ensemble:
        """The networks, read when the first scan needs them."""
        networks = read_networks(self.bundle, self.contents)
        work, scans = self.folder / _WORK, self.learned_from
        if scans is None:
            return Ensemble(self.contents, networks, work)
        adapted = tuple(map(scans.adapt_network, networks))
        return Ensemble(scans.contents, adapted, work, scans.images)

    @property
    def reference(self) -> Reference | None:
        """What scans are judged by."""
        scans = self.learned_from
        return self.contents.reference if scans is None else scans.reference

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
    like: Path | None = None,
    adapt: AdaptName | None = None,
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
        like: folder of unlabelled scans of the same scanner, in DICOM or image files,
            or a table of them, for norms, adaptations and intensity methods that learn
            from such scans.
        adapt: how networks are adapted to the scans of `like`; if not given, as the
            norm allows.
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
    check_folders(named, like, Path(output), Path(private), Path(bundle))
    card, labels = contents.card, contents.labels
    source = choose_input(named, card.channels, labels, Path(private))
    settings = {"bundle": checksum(Path(bundle) / METADATA), "judged": _JUDGED_BY}
    layout = Layout(str(output), str(private))
    call = _Call(Path(bundle), contents, layout, settings)
    how = _choose_adaptation(contents, like, adapt)
    Path(private).mkdir(mode=0o700, parents=True, exist_ok=True)
    turns = Path(private) / _TURNS
    with taking_turns(turns):
        if like is not None:
            scans_like = read_like(Path(like), contents, layout, ingest, how)
            merged = settings | scans_like.settings
            call = replace(call, settings=merged, learned_from=scans_like)
        ingest_scans(
            call.folder,
            private=Path(private),
            columns=contents.domain,
            input=source,
            ingest=ingest,
        )
        discard_others(call.folder / SEGMENTATIONS, call.scans.keys())
    rows = read_records(Path(layout.scans), ScanRow)
    if shown := [name for name in contents.domain if rows and name in rows[0].own]:
        _log.info(
            "scans.tsv shows the columns %s, which the bundle asks for",
            ", ".join(shown),
        )
    if call.learned_from is not None:
        call.learned_from.check(rows)
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
        contents = call.contents
        domain = tell_domain(row, contents.domain)
        label_map, seen = call.ensemble.look(scan, domain)
        write_volume(label_map, target)
        trained = is_known(domain, contents.card.domains)
        judged = judge_scan(row, seen, call.reference, trained)
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
        JudgedScanRow(**record[JUDGED_FACT])  # of this version
        return dict(record[_FACT]) if made else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _choose_adaptation(
    contents: BundleContents, like: Path | None, adapt: AdaptName | None
) -> AdaptName:
    """How networks are adapted; they are not where no scans are there to learn from.

    Raises:
        StageError: the scans are missing, or the bundle cannot use them.
    """
    if like is not None:
        return choose_adaptation(contents, adapt)
    if adapt not in {None, "none"}:
        raise StageError(
            "--adapt: there is nothing to adapt to; give unlabelled scans with --like"
        )
    return "none"


def _measure(label_map: Volume, contents: BundleContents) -> dict[str, float]:
    """Volume of each label in ml, by its value."""
    voxel = float(np.prod(label_map.spacing)) / 1000
    return {
        str(value): round(int(np.count_nonzero(label_map.array == value)) * voxel, 6)
        for value in contents.labels
    }
