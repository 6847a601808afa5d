"""Unlabelled scans of a new scanner, for norms and adaptations that learn from them.

A study tests with such scans too: its adaptations and its conditional norms see the
unlabelled test scans of a domain. `medinorm segment --like` gives them what they need
at a hospital whose scanner nobody trained on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medinorm.bundle.contents import BundleContents
from medinorm.choices import FITTED_INTENSITIES, UNMEASURED_INTENSITIES, AdaptName
from medinorm.config import IngestConfig, InputConfig
from medinorm.errors import ScanError, StageError
from medinorm.expected.reference import Reference
from medinorm.files.atomic import checksum_of_values
from medinorm.files.formats import image_suffixes
from medinorm.files.names import meaning_of
from medinorm.files.nifti import read_volume
from medinorm.files.records import read_records
from medinorm.files.sidecars import recorded_checksum
from medinorm.harmonize.fit import learn_map
from medinorm.harmonize.stage import Harmonizing, harmonize_scan
from medinorm.ingest.stage import ingest_scans
from medinorm.layout import Layout
from medinorm.method_names import ADAPTATION_DECLARATIONS, goes_with
from medinorm.predict.adaptations import ADAPTATIONS
from medinorm.records.scans import Scan, ScanRow, read_scans
from medinorm.segment.inputs import NamedInput, choose_input

FOLDER = "like"  # in the output, and in the private folder
_TABLES = (".tsv", ".csv")
_LOOKED_AT = 1000  # files of a folder


@dataclass(frozen=True)
class LikeScans:
    """Harmonized scans of one scanner, and what is learned from them.

    Args:
        contents: of the bundle, with a map that was learned from the scans where the
            intensity method has one map for all scans.
        adapt: how the networks are adapted to the scans.
        images: the harmonized images.
        domain: of the scans; empty if nothing tells it.
        settings: what label maps depend on by them.
    """

    contents: BundleContents
    adapt: AdaptName
    images: tuple[Path, ...]
    domain: str
    settings: dict[str, str] = field(default_factory=dict)

    def adapt_network(self, network: nn.Module) -> nn.Module:
        """A network that has seen the scans."""
        adapt = ADAPTATIONS[self.adapt].adapt
        return adapt(network, self._read_images(), self.contents.card)

    @property
    def reference(self) -> Reference | None:
        """What scans are judged by: nothing that was measured without adaptation."""
        known = self.contents.reference
        refitted = _has_one_map(self.contents)
        if known is None or not (refitted or ADAPTATIONS[self.adapt].learns):
            return known
        model = None if refitted else known.adapted.get(self.adapt)
        return replace(known, model=model, features={})

    def check(self, rows: Sequence[ScanRow]) -> None:
        """Refuse scans to segment that are of another scanner than these.

        Raises:
            StageError: headers or columns say that some are.
        """
        columns = self.contents.domain
        domains = [tell_domain(row, columns) for row in rows]
        others = sum(bool(one) and not _same(one, self.domain) for one in domains)
        if self.domain and others:
            raise StageError(
                f"--like: {others} of {len(rows)} scans to segment are of another "
                f"{' and '.join(columns)} than its scans; segment them in a call of "
                "their own"
            )

    def _read_images(self) -> Iterator[NDArray[np.float32]]:
        """The images, one after the other."""
        for path in self.images:
            yield read_volume(path, mmap=True).array


def tell_domain(row: ScanRow, columns: Sequence[str]) -> str:
    """The domain of a scan, where its headers or the table tell it; else empty."""
    known = {**row.identity.texts, **row.own}
    values = [known.get(column, "") for column in columns]
    return " ".join(values) if all(values) else ""


def choose_adaptation(contents: BundleContents, adapt: AdaptName | None) -> AdaptName:
    """How the networks of a bundle learn from unlabelled scans.

    Args:
        contents: of the bundle.
        adapt: the adaptation that was asked for; the first that goes with the norm
            if none was.

    Raises:
        StageError: it cannot adapt these networks, or nothing in the bundle can use
            unlabelled scans.
    """
    card = contents.card
    able: list[AdaptName] = [
        name
        for name, declared in ADAPTATION_DECLARATIONS.items()
        if declared.facts.get("learns", True) and goes_with(name, card.norm)
    ]
    if adapt is not None and adapt not in {*able, "none"}:
        norms = ", ".join(ADAPTATION_DECLARATIONS[adapt].facts["norms"])
        raise StageError(
            f"--adapt: {adapt} adapts networks with the norm {norms}, not {card.norm}; "
            "leave it out"
        )
    chosen = adapt or next(iter(able), "none")
    if chosen == "none" and not (_has_one_map(contents) or "style" in card.needs):
        raise StageError(
            f"--like: the norm {card.norm} and the intensity method {card.intensity} "
            "learn nothing from other scans; leave it out"
        )
    return chosen


def read_like(
    folder: Path,
    contents: BundleContents,
    layout: Layout,
    ingest: IngestConfig,
    adapt: AdaptName,
) -> LikeScans:
    """Ingest and harmonize unlabelled scans of a scanner.

    Args:
        folder: of DICOM files or of image files; or a table of scans.
        contents: of the bundle.
        layout: of the call; these scans get a folder of their own in it.
        ingest: how scans are checked and named.
        adapt: how networks will be adapted.

    Raises:
        StageError: there is no usable scan, or they are of several domains.
    """
    own = Layout(f"{layout.results}/{FOLDER}", f"{layout.private}/{FOLDER}")
    private, columns = Path(own.private), contents.domain
    source = _choose_source(folder, contents, private)
    private.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        ingest_scans(
            Path(own.results),
            private=private,
            columns=columns,
            input=source,
            ingest=ingest,
        )
        scans = read_scans(Path(own.scans), Path(own.canonical))
    except StageError as error:
        raise StageError(f"--like: {error}") from error
    rows = read_records(Path(own.scans), ScanRow)
    domains = {
        meaning_of(one): one for row in rows if (one := tell_domain(row, columns))
    }
    if len(domains) > 1:
        raise StageError(
            f"--like: its scans are of {len(domains)} domains "
            f"({' and '.join(columns)}); give those of one"
        )
    unlabelled = [replace(scans[name], label=None) for name in sorted(scans)]
    contents = _learn_again(contents, unlabelled)
    digests = [recorded_checksum(scan.image) for scan in unlabelled]
    digest = checksum_of_values([adapt, *digests])
    job = Harmonizing(
        Path(own.results) / "harmonized",
        contents.intensity,
        contents.harmonize,
        contents.fitted,
        digest if _has_one_map(contents) else "",
    )
    images = tuple(_harmonize(unlabelled, job))
    domain = next(iter(domains.values()), "")
    return LikeScans(contents, adapt, images, domain, {"like": digest})


def _choose_source(
    folder: Path, contents: BundleContents, private: Path
) -> InputConfig:
    """The scans as the input of a study.

    Raises:
        StageError: there are none.
    """
    if not folder.exists():
        raise StageError("--like: there is no such folder; correct the path")
    inside = [folder] if folder.is_file() else folder.rglob("*")
    files = list(islice((path for path in inside if path.is_file()), _LOOKED_AT))
    if not files:
        raise StageError(
            "--like: the folder is empty; give unlabelled scans of the new scanner"
        )
    if folder.is_file() and folder.suffix.lower() in _TABLES:
        named = NamedInput(scans=folder)
    elif any(path.name.lower().endswith(tuple(image_suffixes())) for path in files):
        named = NamedInput(images=[folder])
    else:
        named = NamedInput(dicom=[folder])
    try:
        return choose_input(named, contents.card.channels, contents.labels, private)
    except StageError as error:
        text = str(error).partition(": ")[2] or str(error)
        raise StageError(f"--like: {text}") from error


def _harmonize(scans: Sequence[Scan], job: Harmonizing) -> Iterator[Path]:
    """Harmonize scans; those whose intensities are unusable are left out.

    Raises:
        StageError: no scan is left.
    """
    count = 0
    for scan in scans:
        try:
            harmonize_scan(scan, job)
        except ScanError:
            continue
        count += 1
        yield job.paths(scan)[0]
    if not count:
        raise StageError(
            "--like: the intensities of all its scans are unusable; give other scans"
        )


def _has_one_map(contents: BundleContents) -> bool:
    """Whether the intensity method learns one map that is the same for all scans."""
    return contents.intensity in FITTED_INTENSITIES & UNMEASURED_INTENSITIES


def _learn_again(contents: BundleContents, scans: Sequence[Scan]) -> BundleContents:
    """The bundle with a map that was learned from these scans, if it can be."""
    if not _has_one_map(contents):
        return contents
    fitted = learn_map(
        scans,
        intensity=contents.intensity,
        split="--like",
        settings=contents.harmonize,
    )
    return replace(contents, fitted=fitted)


def _same(one: str, other: str) -> bool:
    """Whether two domains mean the same."""
    return meaning_of(one) == meaning_of(other)
