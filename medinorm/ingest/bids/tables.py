"""What BIDS asks for beside volumes and sidecars: who took part, what was scanned."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from medinorm.files.atomic import replacing, write_json
from medinorm.files.records import write_records
from medinorm.records.scans import ScanRow

# Kinds of anatomical image that need no further entity in their name.
# References: BIDS specification 1.10.0, "Anatomy imaging data".
SUFFIXES = frozenset(
    {
        *("T1w", "T2w", "PDw", "T2starw", "FLAIR", "inplaneT1", "inplaneT2", "PDT2"),
        *("angio", "T2star", "FLASH", "PD", "UNIT1", "T1map", "R1map", "T2map"),
        *("R2map", "T2starmap", "R2starmap", "PDmap", "MTRmap", "MTsat", "T1rho"),
        *("MWFmap", "MTVmap", "Chimap", "M0map"),
    }
)

_ABSENT = "n/a"
_COLUMNS = {
    "scanner": "Vendor, model and field strength: one kind of device.",
    "site": "Keyed pseudonym of the institution, or the name that the study gave.",
    "device": "Keyed pseudonym of the device.",
}
_README = """\
# Canonical volumes

De-identified volumes that medinorm made of hospital files, each with a sidecar that
says which scanner made it and what it was made from. Names of subjects, sessions,
devices and sites are keyed pseudonyms unless the study said that they may stay.

Label maps are in `derivatives/labels`. Kinds of image for which BIDS has no name are
listed in `.bidsignore`. The pseudonym key is not part of this data set and must never
become one.
"""


@dataclass(frozen=True)
class _Participant:
    """One row of `participants.tsv`."""

    participant_id: str
    scans: int


@dataclass(frozen=True)
class _SessionScan:
    """One row of a ``_scans.tsv``."""

    filename: str
    scanner: str
    site: str
    device: str


def write_bids_tables(canonical: Path, scans: Sequence[ScanRow]) -> None:
    """Write `participants.tsv`, one ``_scans.tsv`` a session, README and `.bidsignore`.

    Args:
        canonical: folder of the volumes.
        scans: the usable scans.
    """
    _write_participants(canonical, scans)
    sessions: dict[Path, list[ScanRow]] = defaultdict(list)
    for scan in scans:
        # Image paths end in anat/NAME; the table lies above.
        sessions[canonical / Path(scan.image).parent.parent].append(scan)
    for folder, members in sessions.items():
        _write_session(folder, members)
    write_json(canonical / "scans.json", _described(_COLUMNS))
    _write_text(canonical / "README.md", _README)
    _write_text(canonical / ".bidsignore", _ignored(scans))


def _write_participants(canonical: Path, scans: Sequence[ScanRow]) -> None:
    """One row a subject, with the number of its scans."""
    counts = Counter(scan.subject for scan in scans)
    rows = [
        _Participant(f"sub-{subject}", count)
        for subject, count in sorted(counts.items())
    ]
    write_records(canonical / "participants.tsv", rows, _Participant, checked=False)
    columns = {"scans": "Number of scans of the subject in this data set."}
    write_json(canonical / "participants.json", _described(columns))


def _write_session(folder: Path, scans: Sequence[ScanRow]) -> None:
    """One row a scan of one session, or of a subject without sessions."""
    first = scans[0]
    session = f"_ses-{first.session}" if first.session else ""
    rows = [
        _SessionScan(
            filename=str(PurePosixPath(*Path(scan.image).parts[-2:])),
            scanner=scan.identity.scanner or _ABSENT,
            site=scan.identity.site or _ABSENT,
            device=scan.identity.device or _ABSENT,
        )
        for scan in sorted(scans, key=lambda scan: scan.scan)
    ]
    table = folder / f"sub-{first.subject}{session}_scans.tsv"
    write_records(table, rows, _SessionScan, checked=False)


def _described(columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What the columns of a table mean."""
    return {name: {"Description": text} for name, text in columns.items()}


def _ignored(scans: Collection[ScanRow]) -> str:
    """Patterns of images that BIDS has no name for."""
    suffixes = {scan.scan.rpartition("_")[2] for scan in scans} - SUFFIXES
    return "".join(f"*_{suffix}.*\n" for suffix in sorted(suffixes))


def _write_text(path: Path, text: str) -> None:
    """Write a text file, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
