"""Label maps of scans in DICOM, written as DICOM SEG beside those in NIfTI."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from medinorm.bundle.contents import BundleContents
from medinorm.config import GeometryConfig
from medinorm.errors import StageError
from medinorm.files.atomic import replacing
from medinorm.files.nifti import read_volume
from medinorm.files.sidecars import recorded_checksum
from medinorm.ingest.dicom.files import read_header, text_of
from medinorm.ingest.plan.candidates import DicomSource, read_plan
from medinorm.jobs.shards import Done, run_items
from medinorm.layout import Layout
from medinorm.records.status import ScanStatus

_LENGTH = 32  # characters of the bundle's checksum that a SEG shows


@dataclass(frozen=True)
class SegJob:
    """What all SEG objects of a call share.

    Args:
        folder: to write to.
        private: folder of the lists of files.
        label_maps: the label map of each scan.
        contents: of the bundle.
        bundle: checksum of the bundle.
        policy: what ingest does about slices that are no even stack.
    """

    folder: Path
    private: Path
    label_maps: Mapping[str, Path]
    contents: BundleContents
    bundle: str
    policy: GeometryConfig


@dataclass(frozen=True)
class _DicomScan:
    """A scan that was segmented, and where it lies in DICOM."""

    scan: str
    source: DicomSource


def check_seg(seg: Path | None, dicom: Sequence[Path], output: Path) -> None:
    """Refuse a call that could not write SEG objects, before anything is done.

    Args:
        seg: folder for them, if they are wanted.
        dicom: folders of DICOM files.
        output: folder of all that may be shared.

    Raises:
        StageError: the input is no DICOM, highdicom is not installed, or the folder
            lies in one that may be shared.
    """
    if seg is None:
        return
    if not dicom:
        raise StageError("--seg: only scans that were DICOM can be; give --dicom")
    if find_spec("highdicom") is None:
        raise StageError("--seg needs highdicom: pip install 'medinorm[seg]'")
    if seg.resolve().is_relative_to(output.resolve()):
        raise StageError(
            "--seg: a SEG names the patient of its source, and --output is a folder "
            "that may be shared; name a folder outside of it"
        )


def write_segs(job: SegJob, output: Path, status: Path) -> None:
    """Write a DICOM SEG for each scan that was DICOM.

    Args:
        job: what they share; its folder is closed to others if it is made here.
        output: folder of the results.
        status: table to write, which names no patient.
    """
    job.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    plan = read_plan(Path(Layout(str(output), str(job.private)).plan))
    wanted = [
        _DicomScan(own.scan, own.source)
        for own in plan.candidates
        if own.scan in job.label_maps and isinstance(own.source, DicomSource)
    ]
    run_items(
        wanted,
        partial(_write_seg, job=job),
        status,
        title="DICOM SEG",
        record=ScanStatus,
    )


def _write_seg(item: _DicomScan, *, job: SegJob) -> Done[str]:
    """Write the SEG of one scan; its status says the checksum of the label map."""
    # highdicom takes a third of a second, which others need not wait for.
    from medinorm.segment.dicom_seg import (  # noqa: PLC0415
        Algorithm,
        build_segmentation,
        name_instance,
    )
    from medinorm.segment.source_series import read_source  # noqa: PLC0415

    path = job.label_maps[item.scan]
    target = job.folder / f"{item.scan}.dcm"
    checksum = recorded_checksum(path)
    label_map = read_volume(path)
    try:
        source = read_source(item.source, label_map, job.private, job.policy)
        algorithm = Algorithm(_name(job.contents), job.bundle[:_LENGTH])
        uid = name_instance(source, checksum, algorithm)
        if _is_there(target, uid):
            return Done("current", checksum)
        labels = job.contents.labels
        made = build_segmentation(label_map, source, labels, algorithm, uid)
    except Exception:
        target.unlink(missing_ok=True)
        raise
    with replacing(target) as temporary:
        made.save_as(temporary, enforce_file_format=True)
        temporary.chmod(0o600)  # it names the patient
    return Done("made", checksum)


def _name(contents: BundleContents) -> str:
    """What the networks of a bundle are, in short."""
    card = contents.card
    return f"medinorm {card.intensity} {card.norm}, {len(contents.weights)} networks"


def _is_there(path: Path, uid: str) -> bool:
    """Whether a file holds the SEG of this UID."""
    if not path.is_file():
        return False
    header = read_header(path, ("SOPInstanceUID",))
    return header is not None and text_of(header, "SOPInstanceUID") == uid
