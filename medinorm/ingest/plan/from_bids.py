"""Candidate scans from a BIDS data set with label maps among its derivatives."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from medinorm.ingest.bids.images import ScanImages, group_images
from medinorm.ingest.bids.label_names import compare_label_names
from medinorm.ingest.bids.labels import LABEL_SUFFIXES, LabelMaps, is_label_map
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
from medinorm.ingest.plan.from_table import scan_id, suffix_of
from medinorm.ingest.plan.participants import Participants, read_participants

# The channel name that stands for "the image" is looked for under this suffix.
_DEFAULT_CHANNEL = "image"
_DEFAULT_SUFFIX = "T1w"

_DERIVATIVES = "derivatives"
_ENTITY_LENGTH = 6


@dataclass(frozen=True)
class _Dataset:
    """The files of a data set, by what they are for.

    Args:
        images: those of the study's channels.
        labels: label maps among the derivatives.
        sidecars: JSON files by folder.
        names: tables of the names of label values, by folder.
        others: all other files.
    """

    images: Sequence[BidsFile]
    labels: Sequence[BidsFile]
    sidecars: Mapping[Path, Sequence[BidsFile]]
    names: Mapping[Path, Sequence[BidsFile]]
    others: Sequence[Path]

    def names_of(self, label: BidsFile) -> list[Path]:
        """The tables that name the values of a label map, the closest one last."""
        return inherited_metadata(label, self.names)


@dataclass(frozen=True)
class _ScanNames:
    """How scans are named."""

    pseudonyms: Pseudonyms
    suffix: str

    def of(self, entities: Mapping[str, str]) -> tuple[str, str, str]:
        """Scan, subject and session."""
        original = entities["sub"], entities.get("ses", "")
        label = self.pseudonyms.label
        subject = label("subject", original[0])
        session = label("session", *original) if original[1] else ""
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
        if self.pseudonyms.keep and bids_label(label):
            return bids_label(label)
        return self.pseudonyms.name("entity", key, label, length=_ENTITY_LENGTH)


def find_bids_scans(
    folder: Path,
    index: Sequence[IndexRow],
    channels: Sequence[str],
    pseudonyms: Pseudonyms,
    label_values: Mapping[int, str] | None = None,
    *,
    unlabelled: bool = False,
) -> Inventory:
    """Look for the images of the study's channels and their label maps.

    Images are those in ``sub-*/[ses-*/]anat`` with a channel as suffix. Their label
    maps are the files in ``derivatives`` that end in ``_dseg``, ``_seg`` or ``_mask``
    and disagree in no entity. Facts come from ``participants.tsv``. Numbers are the
    same with and without zeros in front. What names mean decides: phase images and
    masks of the brain are left out, and a table ``dseg.tsv`` must not contradict the
    study.

    Args:
        folder: the data set.
        index: its files.
        channels: suffixes; ``image`` alone stands for ``T1w``.
        pseudonyms: for subjects, sessions and entities that are not numbers.
        label_values: value and name of the labels, as the study has them.
        unlabelled: whether images of sessions without a label map may be used.

    Raises:
        StageError: ``participants.tsv`` is wrong.
    """
    single = [_DEFAULT_SUFFIX] if list(channels) == [_DEFAULT_CHANNEL] else channels
    suffixes = dict(zip(channels, single, strict=True))
    paths = [row.path for row in index if not row.reason]
    data = _sort_files(folder.absolute(), paths, suffixes)
    names = _ScanNames(pseudonyms, suffix_of(list(suffixes.values())))
    people = read_participants(folder / "participants.tsv")
    scans = group_images(data.images, suffixes, pseudonyms)
    maps = LabelMaps(data.labels, (label_values or {}).values(), unlabelled=unlabelled)
    labels = _find_labels(scans, data, maps, label_values or {})
    candidates = _one_id_each(
        [
            _candidate(scan, label, names, data, people)
            for scan, label in zip(scans, labels, strict=True)
        ]
    )
    broken = [
        InputFile(row.path, "unreadable", reason=row.reason)
        for row in index
        if row.reason
    ]
    subjects = {scan.entities["sub"] for scan in scans if not scan.reason}
    return Inventory(
        [*candidates, *people.unlisted(subjects)],
        [*_files(data, scans, candidates), *broken],
    )


def _sort_files(
    folder: Path, paths: Sequence[Path], suffixes: Mapping[str, str]
) -> _Dataset:
    """Look at every name in the data set once."""
    images, labels, others = [], [], []
    sidecars, names = defaultdict(list), defaultdict(list)
    for path in paths:
        file = parse_name(path)
        inside = path.relative_to(folder).parts
        derived = inside[0] == _DERIVATIVES
        if file and file.sidecar:
            sidecars[path.parent].append(file)
        elif file and not file.image and file.suffix in LABEL_SUFFIXES:
            names[path.parent].append(file)
        elif file and file.image and derived and is_label_map(file):
            labels.append(file)
        elif file and _is_image(file, inside) and file.suffix in suffixes.values():
            images.append(file)
        else:
            others.append(path)
    return _Dataset(images, labels, sidecars, names, others)


def _is_image(file: BidsFile, inside: Sequence[str]) -> bool:
    """Whether a file lies where its own name says, among the anatomical images."""
    session = [f"ses-{file.session}"] if file.session else []
    return file.image and list(inside[:-1]) == [f"sub-{file.subject}", *session, "anat"]


def _find_labels(
    scans: Sequence[ScanImages],
    data: _Dataset,
    maps: LabelMaps,
    label_values: Mapping[int, str],
) -> list[BidsFile | str | None]:
    """The label map of each scan, if any, or the reason why the scan is left out."""
    usable = [scan.entities for scan in scans if not scan.reason]
    chosen = iter(maps.of(usable))
    contradictions: dict[Path, str] = {}
    labels: list[BidsFile | str | None] = []
    for scan in scans:
        label = scan.reason or next(chosen)
        for path in data.names_of(label)[-1:] if isinstance(label, BidsFile) else []:
            if path not in contradictions:
                contradictions[path] = compare_label_names(path, label_values)
            label = contradictions[path] or label
        labels.append(label)
    return labels


def _candidate(
    images: ScanImages,
    label: BidsFile | str | None,
    names: _ScanNames,
    data: _Dataset,
    people: Participants,
) -> Candidate | LeftOut:
    """One scan with its label map, metadata and facts, or why it is left out."""
    scan, subject, session = names.of(images.entities)
    if isinstance(label, str):
        return excluded(scan, label)
    if reason := people.reason_against(images.entities["sub"]):
        return excluded(scan, reason)
    source = NiftiSource(
        channels={name: file.path for name, file in images.channels.items()},
        label=label.path if label else None,
        columns=people.of(images.entities["sub"]),
        metadata=tuple(
            path
            for image in images.channels.values()
            for path in inherited_metadata(image, data.sidecars)
        ),
    )
    return Candidate(scan, scan, subject, session or None, source)


def _one_id_each(rows: Sequence[Candidate | LeftOut]) -> list[Candidate | LeftOut]:
    """The rows, without scans whose names of files would be the same."""
    ids = Counter(row.scan.casefold() for row in rows if isinstance(row, Candidate))
    reason = (
        "another image would get the same id but for signs and capitals; rename one"
    )
    return [
        excluded(row.scan, reason)
        if isinstance(row, Candidate) and ids[row.scan.casefold()] > 1
        else row
        for row in rows
    ]


def _files(
    data: _Dataset,
    scans: Sequence[ScanImages],
    candidates: Sequence[Candidate | LeftOut],
) -> list[InputFile]:
    """The state of every file of the data set."""
    files: dict[Path, InputFile] = {}
    labels = {label.path: label for label in data.labels}
    for scan, candidate in zip(scans, candidates, strict=True):
        for path in _files_of(scan, candidate, data, labels):
            _add(files, path, candidate)
    unused = {
        "the same image in two forms": [image.path for image in data.images],
        "a label map that fits no usable scan": list(labels),
        "a sidecar of nothing that is used": _paths(data.sidecars.values()),
        "names of label values of nothing that is used": _paths(data.names.values()),
        "not one of the study's images or label maps": data.others,
    }
    for reason, paths in unused.items():
        for path in paths:
            files.setdefault(path, InputFile(path, "excluded", reason=reason))
    return list(files.values())


def _paths(groups: Iterable[Sequence[BidsFile]]) -> list[Path]:
    """The paths of files in several folders."""
    return [file.path for group in groups for file in group]


def _files_of(
    images: ScanImages,
    candidate: Candidate | LeftOut,
    data: _Dataset,
    labels: Mapping[Path, BidsFile],
) -> Iterator[Path]:
    """The images of a scan, its sidecars, its label map and the names of its values."""
    yield from (image.path for image in images.channels.values())
    if isinstance(candidate, Candidate) and isinstance(candidate.source, NiftiSource):
        yield from candidate.source.metadata or ()
        if candidate.source.label:
            yield candidate.source.label
            yield from data.names_of(labels[candidate.source.label])[-1:]


def _add(
    files: dict[Path, InputFile], path: Path, candidate: Candidate | LeftOut
) -> None:
    """Add the state of a file of one scan; another scan may use it, too."""
    before = files.get(path)
    if isinstance(candidate, LeftOut):
        reason, where = candidate.reason, candidate.where
        files.setdefault(path, InputFile(path, "excluded", where, reason))
    elif before is None or before.state != "used":
        files[path] = InputFile(path, "used", candidate.where)
    else:
        files[path] = replace(before, others=(*before.others, candidate.where))
