"""Candidates become de-identified canonical volumes, or rows that say why not."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path

from medinorm import __version__
from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import GeometryError, ReadError
from medinorm.files.atomic import checksum, read_json, write_json
from medinorm.files.nifti import Volume, read_grid, write_volume
from medinorm.files.sidecars import (
    Provenance,
    discarding,
    is_current,
    recorded_checksum,
    write_sidecar,
)
from medinorm.ingest.archives import removing
from medinorm.ingest.convert.checks import (
    check_image,
    check_labels,
    note_rounding,
)
from medinorm.ingest.convert.deface import deface_volume
from medinorm.ingest.convert.readers import (
    DicomReader,
    NiftiReader,
    ScanReader,
    join_notes,
)
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, open_pseudonyms
from medinorm.ingest.deidentify.scanner_identity import bids_metadata, spacing_text
from medinorm.ingest.deidentify.scanner_models import rename_scanner
from medinorm.ingest.dicom.files import stamp_of
from medinorm.ingest.plan.candidates import Candidate, DicomSource, read_plan
from medinorm.jobs.declare import stage
from medinorm.jobs.shards import Done, in_shard, run_items
from medinorm.records.labels import IGNORED_KEY
from medinorm.records.scans import Identity
from medinorm.records.status import ConvertStatus, Facts

DATASET_NAME = "medinorm canonical volumes"
LABELS_FOLDER = Path("derivatives", "labels")
DESCRIPTION_NAME = "dataset_description.json"
UNPACKED_FOLDER = "unpacked"

_BIDS_VERSION = "1.10.0"
_CHECKSUM_LENGTH = 26  # characters: 130 bits


@dataclass(frozen=True)
class ConvertJob:
    """What all scans of a job share.

    Args:
        canonical: folder to write to.
        private: folder of the key and of copies out of archives.
        input: channels and label values.
        ingest: the checks.
        columns: the user's own columns that may be shown.
        pseudonyms: holds the key.
    """

    canonical: Path
    private: Path
    input: InputConfig
    ingest: IngestConfig
    columns: Sequence[str]
    pseudonyms: Pseudonyms

    @cached_property
    def settings(self) -> dict[str, object]:
        """Every setting that an output depends on."""
        return {
            "channels": self.input.channels,
            "label_values": self.input.label_values,
            "others": self.input.others,
            "ignore": self.input.ignore,
            "min_voxels": self.ingest.min_voxels,
            "grid_tolerance": self.ingest.grid_tolerance,
            "nifti_place": self.ingest.nifti_place,
            "nonfinite": self.ingest.nonfinite,
            "geometry": self.ingest.geometry.model_dump(),
        } | self._deface

    @property
    def _deface(self) -> dict[str, str]:
        """A pseudonym of the command that takes out faces, which may hold a path."""
        command = self.ingest.deface
        if command is None:
            return {}
        name = self.pseudonyms.name("deface", command, length=_CHECKSUM_LENGTH)
        return {"deface": name}

    @property
    def ignored(self) -> dict[str, int]:
        """The value of ignored voxels, for the sidecars of label maps."""
        value = self.input.ignored
        return {} if value is None else {IGNORED_KEY: value}

    def reader(self, candidate: Candidate) -> ScanReader:
        """The reader of a candidate's kind."""
        source = candidate.source
        if isinstance(source, DicomSource):
            folder = self.unpacked(candidate)
            return DicomReader(source, self.input, self.ingest, self.private, folder)
        return NiftiReader(source, self.input, self.ingest)

    def unpacked(self, candidate: Candidate) -> Path:
        """Where files of a candidate that lie in archives are copied to."""
        return self.private / UNPACKED_FOLDER / candidate.scan

    def own(self, candidate: Candidate) -> dict[str, str]:
        """The user's columns that the study asks for; the others may name a person."""
        own = candidate.source.columns
        return {name: own[name] for name in self.columns if name in own}


@dataclass(frozen=True)
class _Written:
    """What was written of one scan.

    Args:
        grid: of its image, without voxels.
        checksums: of image and label map; the second is empty if there is none.
    """

    grid: Volume
    checksums: tuple[str, str]


@stage("convert", after="plan")
def convert_scans(  # noqa: PLR0913 - what Snakemake knows of a job
    plan: Path,
    canonical: Path,
    status: Path,
    *,
    private: Path = Path("private"),
    shard: int = 0,
    shards: int = 1,
    columns: Sequence[str] = (),
    input: InputConfig,  # noqa: A002 - the word in the configuration
    ingest: IngestConfig,
) -> None:
    """Read, check and write the candidate scans of one shard.

    A scan whose source bytes and settings are those of its output is left as it is.
    What cannot be used leaves no output and a reason in the status table. Of the user's
    own columns only those in `columns` leave the private plan.

    Args:
        plan: the private table that `medinorm plan` wrote.
        canonical: folder of volumes and label maps to write, in BIDS.
        status: table to write, one row a candidate.
        private: folder of the pseudonym key.
        shard: which part of the work, from 0.
        shards: into how many parts it is divided.
        columns: the user's own columns that may be shown, such as those of the domain.
        input: channels and label values.
        ingest: the checks.

    Raises:
        StageError: the plan is missing.
    """
    pseudonyms = open_pseudonyms(private)
    job = ConvertJob(canonical, private, input, ingest, columns, pseudonyms)
    candidates = read_plan(plan).candidates
    _describe_dataset(canonical, "raw")
    _describe_dataset(canonical / LABELS_FOLDER, "derivative")
    run_items(
        in_shard(candidates, shard, shards),
        partial(_convert_scan, job=job),
        status,
        title="convert",
        record=ConvertStatus,
    )


def _convert_scan(candidate: Candidate, *, job: ConvertJob) -> Done[Facts]:
    """Convert one candidate."""
    image, label = output_paths(candidate)
    possible = [job.canonical / image, job.canonical / label]
    with discarding(*possible), removing(job.unpacked(candidate)):
        reader = job.reader(candidate)
        outputs = possible[: 1 + candidate.source.labelled]
        provenance = Provenance(job.settings, _checksums(reader, job.pseudonyms))
        identity = reader.identity(job.pseudonyms)
        made = not all(is_current(output, provenance) for output in outputs)
        if made:
            written = _write_scan(reader, outputs, provenance, identity, job)
        else:
            written = _read_written(outputs)
    spacing = spacing_text(written.grid.spacing)
    facts = Facts(
        image=image.as_posix(),
        label=label.as_posix() if candidate.source.labelled else None,
        channels=tuple(reader.channels),
        identity=rename_scanner(
            identity.with_columns(spacing=spacing), job.ingest.scanners
        ),
        own=job.own(candidate),
        checksums=written.checksums,
    )
    return Done("made" if made else "current", facts)


def output_paths(candidate: Candidate) -> tuple[Path, Path]:
    """Image and label map of a scan, relative to the canonical folder.

    Examples:
        >>> source = DicomSource("list of files")
        >>> here = Candidate("here", "sub-a_ses-b_T1w", "a", "b", source)
        >>> [path.as_posix() for path in output_paths(here)][0]
        'sub-a/ses-b/anat/sub-a_ses-b_T1w.nii.gz'
    """
    session = [f"ses-{candidate.session}"] if candidate.session else []
    folder = Path(f"sub-{candidate.subject}", *session, "anat")
    entities = candidate.scan.rpartition("_")[0]
    label = LABELS_FOLDER / folder / f"{entities}_dseg.nii.gz"
    return folder / f"{candidate.scan}.nii.gz", label


def _write_scan(
    reader: ScanReader,
    outputs: Sequence[Path],
    provenance: Provenance,
    identity: Identity,
    job: ConvertJob,
) -> _Written:
    """Read and check one scan, then write it; sidecars come last."""
    reading = reader.image()
    raw = reading.volume
    if job.ingest.deface is not None:
        raw = deface_volume(raw, job.ingest.deface, job.private)
    reading = reading.with_changes(note_rounding(raw.array))
    image = check_image(raw, job.ingest.min_voxels, job.ingest.nonfinite)
    label_reading = reader.label(raw)
    labels = check_labels(label_reading.volume, job.input) if label_reading else None
    image_path, label_sum = outputs[0], ""
    write_volume(image, image_path)
    grid = _check_written(image, image_path)
    if labels and label_reading:
        write_volume(labels, outputs[1])
        label_facts = {**label_reading.notes, **job.ignored}
        label_sum = write_sidecar(outputs[1], provenance, label_facts)
    notes = {**bids_metadata(identity), **join_notes(reading, label_reading)}
    return _Written(grid, (write_sidecar(image_path, provenance, notes), label_sum))


def _read_written(outputs: Sequence[Path]) -> _Written:
    """What an earlier run wrote of one scan."""
    image, *labels = outputs
    label_sum = "".join(map(recorded_checksum, labels))
    return _Written(read_grid(image), (recorded_checksum(image), label_sum))


def _check_written(image: Volume, path: Path) -> Volume:
    """Compare where the file puts the corners with where the volume has them.

    The volume's own slices were compared with their headers when they were placed.

    Returns:
        The grid in the file, without voxels.
    """
    grid = read_grid(path)
    # NIfTI keeps affines in single precision.
    if not grid.same_grid(image, 0.05):
        raise GeometryError("the file places its voxels elsewhere; report this")
    return grid


def _checksums(reader: ScanReader, pseudonyms: Pseudonyms) -> dict[str, str]:
    """One checksum for each role; that of several files covers their order.

    Checksums are keyed: else anyone who has the files could find their scan.
    """
    return {
        role: pseudonyms.name("input", _digest(role, paths), length=_CHECKSUM_LENGTH)
        for role, paths in reader.inputs.items()
    }


def _digest(role: str, paths: Sequence[Path]) -> str:
    """The checksum of one file, or of the checksums of several."""
    try:
        sums = [_checksum_once(path, stamp_of(path)) for path in paths]
    except FileNotFoundError:
        raise ReadError(f"{role}: the file does not exist; correct its path") from None
    except IsADirectoryError:
        raise ReadError(f"{role}: is a folder; give the path of a file") from None
    except PermissionError:
        raise ReadError(
            f"{role}: the file may not be read; check its permissions"
        ) from None
    if len(sums) == 1:
        return sums[0]
    return hashlib.blake2b("".join(sums).encode(), digest_size=16).hexdigest()


# A file of many frames is an input of each of its volumes.
@lru_cache(maxsize=4)
def _checksum_once(path: Path, _stamp: tuple[int, ...]) -> str:
    """The checksum of a file that has not changed since."""
    return checksum(path)


def _describe_dataset(folder: Path, kind: str) -> None:
    """Write BIDS's description of a data set, unless it is there already.

    All shards would write the same bytes.
    """
    path = folder / DESCRIPTION_NAME
    description: Mapping[str, object] = {
        "Name": DATASET_NAME if kind == "raw" else "medinorm labels",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": kind,
        "GeneratedBy": [{"Name": "medinorm", "Version": __version__}],
    }
    if not path.exists() or read_json(path) != description:
        write_json(path, description)
