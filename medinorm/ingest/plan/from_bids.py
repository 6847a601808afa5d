"""Candidate scans from a BIDS data set with label maps among its derivatives."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medinorm.errors import StageError
from medinorm.files.tables import read_table
from medinorm.ingest.bids.names import BidsFile, inherited_metadata, parse_name
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms, bids_label
from medinorm.ingest.index import IndexRow
from medinorm.ingest.plan.candidates import (
    Candidate,
    InputFile,
    Inventory,
    LeftOut,
    NiftiSource,
    excluded,
)
from medinorm.ingest.plan.from_table import check_own_columns, scan_id, suffix_of

# The channel name that stands for "the image" is looked for under this suffix.
_DEFAULT_CHANNEL = "image"
_DEFAULT_SUFFIX = "T1w"

_LABEL_SUFFIXES = ("dseg", "seg", "mask")
# The user's own facts of each participant, by the label of the subject.
People = Mapping[str, Mapping[str, str]]

# What a label map's name may have beyond its image's.
_OF_DERIVATIVES = frozenset({"space", "desc", "label", "res", "den", "atlas", "seg"})
_ENTITY_LENGTH = 6


@dataclass(frozen=True)
class _ScanImages:
    """Images that make one scan.

    Args:
        channels: file of each channel that has one.
        entities: what their names have in common.
        reason: why they are left out.
    """

    channels: Mapping[str, BidsFile]
    entities: Mapping[str, str]
    reason: str = ""


@dataclass(frozen=True)
class _Dataset:
    """The files of a data set, by what they are for.

    Args:
        images: those of the study's channels.
        labels: label maps among the derivatives.
        sidecars: JSON files by folder.
        others: all other files.
    """

    images: Sequence[BidsFile]
    labels: Sequence[BidsFile]
    sidecars: Mapping[Path, Sequence[BidsFile]]
    others: Sequence[Path]


@dataclass(frozen=True)
class _ScanNames:
    """How scans are named."""

    pseudonyms: Pseudonyms
    subjects: Mapping[str, str]
    sessions: Mapping[str, str]
    suffix: str

    def of(self, entities: Mapping[str, str]) -> tuple[str, str, str]:
        """Scan, subject and session."""
        original = entities["sub"], entities.get("ses", "")
        subject = self.subjects[original[0]]
        session = self.sessions["\0".join(original)]
        others = [
            f"{key}-{self._label(key, label)}"
            for key, label in entities.items()
            if key not in {"sub", "ses"}
        ]
        return scan_id(subject, session, *others, self.suffix), subject, session

    def _label(self, key: str, label: str) -> str:
        """A number is kept: it cannot name a person, as a word could."""
        if label.isdecimal():
            return label
        if self.pseudonyms.keep:
            return bids_label(label)
        return self.pseudonyms.name("entity", key, label, length=_ENTITY_LENGTH)


def find_bids_scans(
    folder: Path,
    index: Sequence[IndexRow],
    channels: Sequence[str],
    pseudonyms: Pseudonyms,
) -> Inventory:
    """Look for the images of the study's channels and their label maps.

    Images are those in ``sub-*/[ses-*/]anat`` with a channel as suffix. Their label
    maps are the files in ``derivatives`` that end in ``_dseg``, ``_seg`` or ``_mask``
    and disagree in no entity. Facts come from ``participants.tsv``.

    Args:
        folder: the data set.
        index: its files.
        channels: suffixes; ``image`` alone stands for ``T1w``.
        pseudonyms: for subjects, sessions and entities that are not numbers.

    Raises:
        StageError: ``participants.tsv`` is wrong.
    """
    single = [_DEFAULT_SUFFIX] if list(channels) == [_DEFAULT_CHANNEL] else channels
    suffixes = dict(zip(channels, single, strict=True))
    paths = [row.path for row in index if not row.reason]
    data = _sort_files(folder.absolute(), paths, suffixes)
    names = _ScanNames(
        pseudonyms,
        pseudonyms.subjects(image.subject for image in data.images),
        pseudonyms.sessions((image.subject, image.session) for image in data.images),
        suffix_of(list(suffixes.values())),
    )
    people = _read_people(folder / "participants.tsv")
    scans = _scans(data.images, suffixes)
    candidates = [_candidate(scan, names, data, people) for scan in scans]
    broken = [
        InputFile(row.path, "unreadable", reason=row.reason)
        for row in index
        if row.reason
    ]
    return Inventory(candidates, [*_files(data, scans, candidates), *broken])


def _sort_files(
    folder: Path, paths: Sequence[Path], suffixes: Mapping[str, str]
) -> _Dataset:
    """Look at every name in the data set once."""
    images, labels, others = [], [], []
    sidecars = defaultdict(list)
    for path in paths:
        file = parse_name(path)
        inside = path.relative_to(folder).parts
        if file and not file.image:
            sidecars[path.parent].append(file)
        elif file and inside[0] == "derivatives" and _is_label(file):
            labels.append(file)
        elif file and _is_image(file, inside) and file.suffix in suffixes.values():
            images.append(file)
        else:
            others.append(path)
    return _Dataset(images, labels, sidecars, others)


def _is_image(file: BidsFile, inside: Sequence[str]) -> bool:
    """Whether a file lies where its own name says, among the anatomical images."""
    session = [f"ses-{file.session}"] if file.session else []
    return list(inside[:-1]) == [f"sub-{file.subject}", *session, "anat"]


def _is_label(file: BidsFile) -> bool:
    """Whether a derivative is a label map; masks of the whole brain are not."""
    brain = file.suffix == "mask" and file.entities.get("desc") == "brain"
    return file.suffix in _LABEL_SUFFIXES and bool(file.subject) and not brain


def _scans(
    images: Sequence[BidsFile], suffixes: Mapping[str, str]
) -> list[_ScanImages]:
    """Images of one scan together.

    With several channels, those of a session belong together if there is one of each,
    whatever their other entities; else all entities must be the same.
    """
    sessions: dict[object, list[BidsFile]] = defaultdict(list)
    for image in images:
        sessions[image.subject, image.session].append(image)
    scans = []
    for files in sessions.values():
        kinds = sorted(file.suffix for file in files)
        if len(suffixes) > 1 and kinds == sorted(suffixes.values()):
            scans.append(_together(files, suffixes))
            continue
        same: dict[object, list[BidsFile]] = defaultdict(list)
        for file in files:
            same[frozenset(file.entities.items())].append(file)
        scans += [_together(group, suffixes) for group in same.values()]
    return scans


def _together(files: Sequence[BidsFile], suffixes: Mapping[str, str]) -> _ScanImages:
    """The scan that some images make."""
    common = dict(files[0].entities)
    for file in files:
        common = dict(item for item in common.items() if item in file.entities.items())
    images = {
        name: file
        for name, suffix in suffixes.items()
        for file in files
        if file.suffix == suffix
    }
    missing = [suffix for name, suffix in suffixes.items() if name not in images]
    if missing:
        return _ScanImages(
            images, common, f"no {missing[0]} image beside the others; add it"
        )
    if len(files) > len(images):
        reason = "duplicate: the same image as .nii and .nii.gz; keep one"
        return _ScanImages(images, common, reason)
    return _ScanImages(images, common)


def _candidate(
    images: _ScanImages, names: _ScanNames, data: _Dataset, people: People
) -> Candidate | LeftOut:
    """One scan with its label map, metadata and facts, or why it is left out."""
    scan, subject, session = names.of(images.entities)
    label = _label_of(images, data.labels)
    if images.reason or isinstance(label, str):
        return excluded(scan, images.reason or str(label))
    source = NiftiSource(
        channels={name: file.path for name, file in images.channels.items()},
        label=label.path,
        columns=people.get(images.entities["sub"], _nobody(people)),
        metadata=tuple(
            path
            for image in images.channels.values()
            for path in inherited_metadata(image, data.sidecars)
        ),
    )
    return Candidate(scan, scan, subject, session or None, source)


def _label_of(images: _ScanImages, labels: Sequence[BidsFile]) -> BidsFile | str:
    """The label map that fits a scan best, or why there is none.

    Most entities in common wins, then ``dseg`` before ``seg`` before ``mask``, then the
    fewest entities of its own.
    """
    fitting = [label for label in labels if _fits(label, images.entities)]
    if not fitting:
        return "no label map among the derivatives fits; add one ending in _dseg"
    ranks = {label.path: _rank(label, images.entities) for label in fitting}
    best = min(ranks.values())
    winners = [label for label in fitting if ranks[label.path] == best]
    if len(winners) > 1:
        return "several label maps fit equally well; keep one, or name their entities"
    return winners[0]


def _fits(label: BidsFile, entities: Mapping[str, str]) -> bool:
    """Whether no entity of a label map contradicts those of an image."""
    return all(
        entities.get(key, "" if key not in _OF_DERIVATIVES else value) == value
        for key, value in label.entities.items()
    ) and label.session == entities.get("ses", "")


def _rank(label: BidsFile, entities: Mapping[str, str]) -> tuple[int, int, int]:
    """How well a fitting label map fits: the smaller the better."""
    common = len(label.entities.items() & entities.items())
    own = len(label.entities) - common
    return -common, _LABEL_SUFFIXES.index(label.suffix), own


def _read_people(path: Path) -> People:
    """The facts of each participant, by the label of the subject."""
    if not path.exists():
        return {}
    rows = read_table(path, required=("participant_id",))
    columns = set(rows[0]) - {"participant_id"} if rows else set()
    check_own_columns(path.name, columns)
    people = {
        row["participant_id"].removeprefix("sub-"): {
            name: "" if text == "n/a" else text
            for name, text in sorted(row.items())
            if name in columns
        }
        for row in rows
    }
    if len(people) < len(rows):
        raise StageError(f"{path.name}: lists a participant twice; keep one line each")
    return people


def _nobody(people: People) -> Mapping[str, str]:
    """Empty facts for a participant that the table does not list."""
    return dict.fromkeys(next(iter(people.values()), {}), "")


def _files(
    data: _Dataset,
    scans: Sequence[_ScanImages],
    candidates: Sequence[Candidate | LeftOut],
) -> list[InputFile]:
    """The state of every file of the data set."""
    files: dict[Path, InputFile] = {}
    for scan, candidate in zip(scans, candidates, strict=True):
        for path in _files_of(scan, candidate):
            files[path] = _file(path, candidate)
    unused = {
        "the same image in two forms": [image.path for image in data.images],
        "a label map that fits no usable scan": [label.path for label in data.labels],
        "a sidecar of nothing that is used": [
            file.path for group in data.sidecars.values() for file in group
        ],
        "not one of the study's images or label maps": data.others,
    }
    for reason, paths in unused.items():
        for path in paths:
            files.setdefault(path, InputFile(path, "excluded", reason=reason))
    return list(files.values())


def _files_of(images: _ScanImages, candidate: Candidate | LeftOut) -> Iterator[Path]:
    """The images of a scan, its sidecars and its label map."""
    yield from (image.path for image in images.channels.values())
    if isinstance(candidate, Candidate) and isinstance(candidate.source, NiftiSource):
        yield from candidate.source.metadata or ()
        yield candidate.source.label


def _file(path: Path, candidate: Candidate | LeftOut) -> InputFile:
    """The state of a file of one scan."""
    if isinstance(candidate, LeftOut):
        return InputFile(path, "excluded", candidate.where, candidate.reason)
    return InputFile(path, "used", candidate.where)
