"""Channels of a session that come from DICOM series: one scanner, place and grid."""

from collections.abc import Mapping

import numpy as np

from medinorm.errors import GeometryError, ReadError
from medinorm.files.nifti import Volume
from medinorm.ingest.convert.checks import on_grid_of
from medinorm.ingest.dicom.regrid import bring_onto, share_covered
from medinorm.ingest.dicom.volume import Reading
from medinorm.records.scans import Identity

# A scanner, and what tells that a series comes from another.
_SCANNER = ("vendor", "model", "field_strength", "device")
_LEAST_COVERED = 0.2  # of the first channel's grid

_REGISTER = "register the images, and give them as NIfTI in input.scans"


def check_one_scanner(identities: Mapping[str, Identity]) -> None:
    """Refuse a session whose channels come from several scanners.

    Args:
        identities: of each channel by its role; what a header does not say contradicts
            nothing.

    Raises:
        ReadError: they differ in the vendor, model, field strength or device.
    """
    (first_name, first), *others = identities.items()
    for name, other in others:
        for column in _SCANNER:
            own, its = first.texts[column], other.texts[column]
            if own and its and own != its:
                raise ReadError(
                    f"{name}: from another scanner than {first_name} "
                    f"by its {column.replace('_', ' ')}; the channels of a session "
                    "must come from one"
                )


def check_one_space(spaces: Mapping[str, str]) -> None:
    """Refuse a session whose channels lie in different frames of reference.

    Even equal coordinates are different places then: the patient has been moved.

    Args:
        spaces: UID of the frame of reference of each channel by its role, empty if
            unknown.

    Raises:
        GeometryError: they differ.
    """
    (first_name, first), *others = spaces.items()
    for name, other in others:
        if first and other and first != other:
            raise GeometryError(
                f"{name}: another frame of reference than {first_name}; {_REGISTER}"
            )


def stack_channels(
    readings: Mapping[str, Reading], spaces: Mapping[str, str], tolerance: float
) -> Reading:
    """Bring all channels onto the grid of the first.

    Args:
        readings: of each channel by its role; the first has the grid.
        spaces: UID of the frame of reference of each channel by its role, empty if
            unknown.
        tolerance: largest distance of corresponding corners of equal grids, in voxels.

    Returns:
        All channels; its notes say what was changed, and are the first's otherwise.

    Raises:
        GeometryError: a channel does not lie where the first does.
    """
    (first_name, first), *others = readings.items()
    known = spaces[first_name]
    volumes, changes = [first.volume], []
    for name, reading in others:
        shared = bool(known) and spaces[name] == known
        try:
            volume, notes = _on_grid(reading.volume, first.volume, shared, tolerance)
        except GeometryError as error:
            raise GeometryError(f"{name}: {error}") from None
        volumes.append(volume)
        changes += [f"{name}: {note}" for note in [*_of(reading), *notes]]
    array = np.concatenate([volume.array for volume in volumes])
    stacked = Reading(first.volume.with_array(array), first.notes)
    return stacked.with_changes(changes)


def _on_grid(
    volume: Volume, first: Volume, shared: bool, tolerance: float
) -> tuple[Volume, list[str]]:
    """A channel on the grid of the first, and what was changed."""
    try:
        return on_grid_of(first, volume, tolerance), []
    except GeometryError:
        if not shared:
            raise GeometryError(
                "another grid than the first channel, and no frame of reference says "
                f"that both lie in one space; {_REGISTER}"
            ) from None
    covered = share_covered(volume, first)
    if covered < _LEAST_COVERED:
        raise GeometryError(
            f"covers {covered:.0%} of the first channel, less than "
            f"{_LEAST_COVERED:.0%}; narrow the rules of ingest.select"
        )
    note = "resampled onto the grid of the first channel"
    if covered < 1:
        note += f", of which {1 - covered:.0%} lies outside"
    return bring_onto(volume, first), [note]


def _of(reading: Reading) -> list[str]:
    """What was changed of one channel."""
    changes = reading.notes.get("GeometryChanges", [])
    return list(map(str, changes)) if isinstance(changes, list) else []
