"""Which images of a BIDS data set make a scan, by what their names mean."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from medinorm.ingest.bids.names import BidsFile
from medinorm.ingest.deidentify.pseudonyms import Pseudonyms

# Parts of a complex image that show no tissue contrast.
_OTHER_PARTS = frozenset({"phase", "real", "imag"})
# Entities of images that were made from others.
_PROCESSED = frozenset({"desc", "space", "res", "den"})

_PART = "a phase, real or imaginary image by its part entity; magnitudes are used"
_COPY = (
    "a processed copy by its desc, space, res or den entity; the image itself is used"
)
_CLASH = (
    "its {what} has the number, or the letters, of another {what} but for zeros and "
    "capitals; rename one of them"
)
_SAME_NAME = "two images whose names differ by zeros or capitals only; keep one"
_TWO_FORMS = "duplicate: the same image as .nii and .nii.gz; keep one"


@dataclass(frozen=True)
class ScanImages:
    """Images that make one scan.

    Args:
        channels: file of each channel that has one.
        entities: what their names have in common.
        reason: why they are left out.
    """

    channels: Mapping[str, BidsFile]
    entities: Mapping[str, str]
    reason: str = ""


def group_images(
    images: Sequence[BidsFile], suffixes: Mapping[str, str], pseudonyms: Pseudonyms
) -> list[ScanImages]:
    """Images of one scan together; those that cannot be used have a reason.

    With several channels, those of a session belong together if there is one of each,
    whatever their other entities; else all entities must be the same.

    Args:
        images: those with the suffix of a channel.
        suffixes: of each channel.
        pseudonyms: for the names of subjects and sessions.
    """
    reasons = _reasons_against(images, pseudonyms)
    scans = [
        ScanImages(_by_channel([image], suffixes), image.entities, reasons[image.path])
        for image in images
        if image.path in reasons
    ]
    sessions: dict[object, list[BidsFile]] = defaultdict(list)
    for image in images:
        if image.path not in reasons:
            sessions[image.subject, image.session].append(image)
    for files in sessions.values():
        kinds = sorted(file.suffix for file in files)
        if len(suffixes) > 1 and kinds == sorted(suffixes.values()):
            scans.append(_together(files, suffixes))
            continue
        same: dict[object, list[BidsFile]] = defaultdict(list)
        for file in files:
            same[frozenset(file.meanings.items())].append(file)
        scans += [_together(group, suffixes) for group in same.values()]
    return scans


def _reasons_against(
    images: Sequence[BidsFile], pseudonyms: Pseudonyms
) -> dict[object, str]:
    """Why images are left out for what their own names say, by path."""
    reasons: dict[object, str] = dict(_clashes(images, pseudonyms))
    sources: dict[object, bool] = defaultdict(bool)
    for image in images:
        if image.meanings.get("part") in _OTHER_PARTS:
            reasons.setdefault(image.path, _PART)
        elif not _PROCESSED & image.entities.keys():
            sources[_kind(image)] = True
    for image in images:
        if _PROCESSED & image.entities.keys() and sources[_kind(image)]:
            reasons.setdefault(image.path, _COPY)
    return reasons


def _kind(image: BidsFile) -> object:
    """Subject, session and suffix."""
    return image.subject, image.session, image.suffix


def _clashes(
    images: Sequence[BidsFile], pseudonyms: Pseudonyms
) -> Iterator[tuple[object, str]]:
    """Images of subjects or sessions that only zeros or capitals tell apart."""
    labels: dict[object, set[object]] = defaultdict(set)
    keys: dict[object, list[tuple[str, object, object]]] = {}
    for image in images:
        keys[image.path] = list(_keys(image, pseudonyms))
        for _, key, original in keys[image.path]:
            labels[key].add(original)
    for path, own in keys.items():
        for what, key, _ in own:
            if len(labels[key]) > 1:
                yield path, _CLASH.format(what=what)
                break


def _keys(
    image: BidsFile, pseudonyms: Pseudonyms
) -> Iterator[tuple[str, object, object]]:
    """Keys that only one subject or session may have, and whose it is."""
    subject = pseudonyms.label("subject", image.subject).casefold()
    yield "subject", ("number", image.meanings["sub"]), image.subject
    yield "subject", ("label", subject), image.subject
    if image.session:
        who = image.subject, image.session
        session = pseudonyms.label("session", *who).casefold()
        yield "session", ("number", image.subject, image.meanings["ses"]), who
        yield "session", ("label", image.subject, session), who


def _by_channel(
    files: Sequence[BidsFile], suffixes: Mapping[str, str]
) -> dict[str, BidsFile]:
    """The file of each channel that has one."""
    return {
        name: file
        for name, suffix in suffixes.items()
        for file in files
        if file.suffix == suffix
    }


def _together(files: Sequence[BidsFile], suffixes: Mapping[str, str]) -> ScanImages:
    """The scan that some images make."""
    common = dict(files[0].entities)
    for file in files:
        common = dict(item for item in common.items() if item in file.entities.items())
    images = _by_channel(files, suffixes)
    missing = [suffix for name, suffix in suffixes.items() if name not in images]
    if missing:
        reason = f"no {missing[0]} image beside the others; add it"
        return ScanImages(images, common, reason)
    if len(files) > len(images):
        forms = {(file.suffix, frozenset(file.entities.items())) for file in files}
        alike = len(forms) == len(images)
        return ScanImages(images, common, _TWO_FORMS if alike else _SAME_NAME)
    return ScanImages(images, common)
