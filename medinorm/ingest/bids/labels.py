"""Which label map of a BIDS data set belongs to which scan."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from medinorm.files.names import meaning_of
from medinorm.ingest.bids.names import BidsFile, meanings_of

LABEL_SUFFIXES = ("dseg", "seg", "mask")

# What a label map's name may have beyond its image's.
OF_DERIVATIVES = frozenset({"space", "desc", "label", "res", "den", "atlas", "seg"})

# What masks show that are made on the way, and that nobody wants to segment.
_AIDS = ("brain", "head", "skull", "face", "deface", "background", "air", "fov")


class LabelMaps:
    """The label maps of a data set, found by the scan that they fit.

    Args:
        files: the label maps.
        names: what the study calls its labels.
        unlabelled: whether an image of a session without label maps needs none.
    """

    def __init__(
        self,
        files: Sequence[BidsFile],
        names: Collection[str] = (),
        *,
        unlabelled: bool = False,
    ) -> None:
        self._unlabelled = unlabelled
        self._names = {meaning_of(name).replace(" ", "") for name in names}
        self._by_session: dict[object, list[BidsFile]] = defaultdict(list)
        for file in files:
            self._by_session[_session(file.meanings)].append(file)

    def of(self, scans: Sequence[Mapping[str, str]]) -> list[BidsFile | str | None]:
        """The label map of each scan, if it needs one, or why there is none.

        A label map that fits several images is that of the image whose name it has; if
        there is none, it is not known which.

        Args:
            scans: entities of each.
        """
        meanings = [meanings_of(entities) for entities in scans]
        chosen = [self._choose(scan) for scan in meanings]
        users: dict[Path, list[int]] = defaultdict(list)
        for place, label in enumerate(chosen):
            if isinstance(label, BidsFile):
                users[label.path].append(place)
        files = {label.path: label for label in chosen if isinstance(label, BidsFile)}
        for path, places in users.items():
            fits = (_has_name(files[path], meanings[place]) for place in places)
            named = [place for place, own in zip(places, fits, strict=True) if own]
            for place in places:
                if len(places) > 1 and named != [place]:
                    chosen[place] = (
                        f"its label map fits {len(places)} images; write the entities "
                        "of its image into the name of the label map, such as the run"
                    )
        return chosen

    def _choose(self, scan: Mapping[str, str]) -> BidsFile | str | None:
        """The label map that fits a scan best, or why there is none.

        ``None``: its session has none, and it needs none.

        Most entities in common wins, then ``dseg`` before ``seg`` before ``mask``, then
        one that names a label of the study, then the fewest entities of its own.
        """
        near = self._by_session.get(_session(scan), [])
        fitting = [label for label in near if _fits(label, scan)]
        if not near and self._unlabelled:
            return None
        if not fitting:
            return _why_none_fits(near, scan)
        ranks = {label.path: self._rank(label, scan) for label in fitting}
        best = min(ranks.values())
        winners = [label for label in fitting if ranks[label.path] == best]
        if len(winners) > 1:
            return (
                "several label maps fit equally well; keep one, or name their entities"
            )
        return winners[0]

    def _rank(
        self, label: BidsFile, scan: Mapping[str, str]
    ) -> tuple[int, int, bool, int]:
        """How well a fitting label map fits: the smaller the better."""
        common = len(label.meanings.items() & scan.items())
        other = label.meanings.get("label", "") not in self._names
        own = len(label.meanings) - common
        return -common, LABEL_SUFFIXES.index(label.suffix), other, own


def is_label_map(file: BidsFile) -> bool:
    """Whether a derivative is a label map; masks of the brain or the head are none.

    Examples:
        >>> from pathlib import Path
        >>> from medinorm.ingest.bids.names import parse_name
        >>> [is_label_map(parse_name(Path(f"sub-1_{end}.nii"))) for end in (
        ...     "dseg", "label-lesion_mask", "label-brain_mask", "desc-brainmask_mask")]
        [True, True, False, False]
    """
    shown = [file.meanings.get(key, "") for key in ("label", "desc")]
    aid = any(text.removesuffix("mask") in _AIDS for text in shown)
    wanted = file.suffix in LABEL_SUFFIXES and bool(file.subject)
    return wanted and not (file.suffix == "mask" and aid)


def _session(meanings: Mapping[str, str]) -> tuple[str, str]:
    """Subject and session."""
    return meanings.get("sub", ""), meanings.get("ses", "")


def _fits(label: BidsFile, scan: Mapping[str, str]) -> bool:
    """Whether no entity of a label map contradicts those of an image."""
    return not _contrary(label, scan)


def _contrary(label: BidsFile, scan: Mapping[str, str]) -> list[str]:
    """The entities of a label map that contradict those of an image."""
    return [
        key
        for key, value in label.meanings.items()
        if scan.get(key, "" if key not in OF_DERIVATIVES else value) != value
    ]


def _why_none_fits(labels: Sequence[BidsFile], scan: Mapping[str, str]) -> str:
    """What label maps of the session have that the image has not, and what to do."""
    if any("hemi" in label.meanings for label in labels) and "hemi" not in scan:
        return (
            "its label maps show one hemisphere each (hemi-L, hemi-R); join them into "
            "one _dseg without hemi"
        )
    own = {key for label in labels for key in _contrary(label, scan)}
    if not own:
        return "no label map among the derivatives fits; add one ending in _dseg"
    return (
        "no label map among the derivatives fits: they differ from the image in "
        f"{', '.join(sorted(own))}; write the entities of the image into the name of "
        "its label map"
    )


def _has_name(label: BidsFile, scan: Mapping[str, str]) -> bool:
    """Whether a label map is named as an image, apart from what derivatives have."""
    own, theirs = (
        {key: value for key, value in names.items() if key not in OF_DERIVATIVES}
        for names in (label.meanings, scan)
    )
    return own == theirs
