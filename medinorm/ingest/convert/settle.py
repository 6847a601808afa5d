"""Where a scan lies whose headers leave it uncertain: its files say it together."""

from collections.abc import Sequence
from dataclasses import dataclass

from medinorm.errors import GeometryError
from medinorm.files.nifti import Volume
from medinorm.files.places import Place, corners_agree, describe_difference
from medinorm.ingest.convert.checks import on_grid_of

_UNPLACED = (
    "the header has neither sform nor qform (MetaImage and NRRD: directions and origin)"
)


@dataclass(frozen=True)
class Settled:
    """Two volumes that each lie at one place.

    Args:
        image: the first.
        other: the second.
        notes: how their places were chosen; none if the headers are certain.
    """

    image: Volume
    other: Volume
    notes: tuple[str, ...] = ()


def prefer_place(volume: Volume, source: str) -> tuple[Volume, tuple[str, ...]]:
    """The place that the user prefers, if the header has it, and a note.

    Args:
        volume: as it was read.
        source: `ingest.nifti_place`.
    """
    if len(volume.places) < 2:
        return volume, ()
    for place in volume.places:
        if place.source == source:
            why = describe_difference(*volume.places[:2])
            return volume.at(place.affine), (f"{why}: {source} taken as configured",)
    return volume, ()


def settle_places(image: Volume, other: Volume, role: str, tolerance: float) -> Settled:
    """Choose the place that two files of a scan share.

    Of transforms that contradict each other, one that both files have is right for
    both. That must be exactly one: with two, one of them has the wrong size or side.

    Args:
        image: the image or its first channel.
        other: the label map or another channel.
        role: of the other file, for messages.
        tolerance: largest distance of corresponding corners, in voxels.

    Raises:
        GeometryError: they share no transform, or several.
    """
    if not image.places and not other.places:
        return Settled(image, other)
    pairs = [
        (one, two)
        for one in _places(image)
        for two in _places(other)
        if _same_voxels(image, one, other, two, tolerance)
    ] or _turned_pairs(image, other, tolerance)
    if len(pairs) != 1:
        raise GeometryError(_refusal(image, other, role, len(pairs)))
    ((one, two),) = pairs
    notes = [_note(image, one, f"shared with {role}"), _note(other, two, role)]
    return Settled(
        image.at(one.affine), other.at(two.affine), tuple(filter(None, notes))
    )


def settle_alone(image: Volume) -> tuple[Volume, tuple[str, ...]]:
    """The place of an image that no other file helps to settle, and notes.

    Raises:
        GeometryError: its transforms contradict each other.
    """
    if len(image.places) > 1:
        raise GeometryError(
            f"{describe_difference(*image.places[:2])}, and no label map says which; "
            "correct the header, or name the right one in ingest.nifti_place"
        )
    place = image.places[0]
    return image.at(place.affine), tuple(filter(None, [_note(image, place, "image")]))


def _places(volume: Volume) -> Sequence[Place]:
    """Where a volume may lie."""
    return volume.places or (Place("header", volume.affine),)


def _same_voxels(
    image: Volume, one: Place, other: Volume, two: Place, tolerance: float
) -> bool:
    """Whether two files have each voxel, by its index, at the same place."""
    if image.grid != other.grid:
        return False
    return corners_agree(image.grid, one.affine, two.affine, tolerance)


def _turned_pairs(
    image: Volume, other: Volume, tolerance: float
) -> list[tuple[Place, Place]]:
    """The places at which both are on one grid but for the order of their axes."""
    pairs = []
    for one in _places(image):
        for two in _places(other):
            try:
                on_grid_of(image.at(one.affine), other.at(two.affine), tolerance)
            except GeometryError:
                continue
            pairs.append((one, two))
    return pairs


def _refusal(image: Volume, other: Volume, role: str, pairs: int) -> str:
    """Why the place stays uncertain, and what to do."""
    contrary = next((v for v in (image, other) if len(v.places) > 1), None)
    if contrary is not None:
        share = "both of them" if pairs else "none of them"
        return (
            f"{describe_difference(*contrary.places[:2])}, and image and {role} share "
            f"{share}; correct the header, or name the right one in ingest.nifti_place"
        )
    if image.places and other.places:
        return f"{_UNPLACED}, and image and {role} differ in grid or voxel sizes"
    which = "image" if image.places else role
    return f"{which}: {_UNPLACED}, but its partner has one; copy it from there"


def _note(volume: Volume, place: Place, what: str) -> str:
    """What was assumed about one file."""
    if len(volume.places) > 1:
        why = describe_difference(*volume.places[:2])
        return f"{why}: {place.source} taken, {what}"
    if volume.places:
        return (
            "neither sform nor qform (directions and origin): voxel sizes taken, and "
            f"axes as left, anterior, superior; {what}"
        )
    return ""
