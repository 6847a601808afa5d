"""A case of the corpus, and how one is made."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.ingest.corpus.series import Truth, save, slices, volume, voxels

CASES: dict[str, "Case"] = {}


@dataclass(frozen=True)
class Case:
    """Files, and what must become of them.

    Args:
        write: writes them to a folder.
        volumes: all volumes that must come out, values and places exact.
        reasons: patterns of all the reasons why something does not come out.
        notes: what the sidecar of the only volume must say.
    """

    write: Callable[[Path], None]
    volumes: tuple[Truth, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[tuple[str, object], ...] = ()


def add(name, datasets, volumes=(), reasons=(), notes=(), **saving):
    """Put a case into the corpus; its datasets are made when it is written."""
    CASES[name] = Case(
        lambda folder: save(datasets(), folder, **saving),
        tuple(volumes),
        tuple(reasons),
        tuple(dict(notes).items()),
    )


def changed(datasets, numbers, **values):
    """Some files with other elements."""
    for number in numbers:
        for keyword, value in values.items():
            setattr(datasets[number], keyword, value)
    return datasets


def one(name, truth, **writing):
    """A case of one series that is one volume."""
    add(name, lambda: slices(truth, **writing), [truth])


def each(truths, headers):
    """One series of several volumes, each with its own elements."""
    found = []
    for truth, header in zip(truths, headers, strict=True):
        found += slices(truth, header=header, first=len(found) + 1)
    return found


def several(count, **changes):
    """Volumes at one place, of which no two values are alike."""
    size = voxels().size
    return [volume(array=voxels(start=1 + size * n), **changes) for n in range(count)]


def without(ds, *keywords):
    """A file without some elements."""
    for keyword in keywords:
        delattr(ds, keyword)
    return ds
