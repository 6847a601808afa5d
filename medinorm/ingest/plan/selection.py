"""Which series the study asks for."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medinorm.config import PlaneName, SelectRule
from medinorm.ingest.dicom.frame_keys import NO_AGENT
from medinorm.ingest.dicom.frames import Frame, planes_of

_PLANES: tuple[PlaneName, ...] = (
    "sagittal",
    "coronal",
    "axial",
)  # by the normal's axis


@dataclass(frozen=True)
class Traits:
    """What rules ask about a volume; all of it stays in the private plan.

    Args:
        modality: DICOM's word.
        names: description and protocol name of its series.
        orientation: the plane to which its slices are nearest, empty if unknown.
        spacing: largest distance of voxel centres along an axis, mm; not-a-number if
            unknown.
        contrast_agent: whether one is named.
    """

    modality: str
    names: tuple[str, ...]
    orientation: str
    spacing: float
    contrast_agent: bool


def traits_of(values: Mapping[str, str], frames: Sequence[Frame]) -> Traits:
    """The traits of a volume.

    Args:
        values: texts of one of its headers by keyword.
        frames: where its slices lie.
    """
    planes = planes_of(frames)
    normal = np.cross(*planes.directions[0])
    gaps = np.diff(np.unique((planes.positions @ normal).round(2)))
    widest = [*planes.spacings[0], *([np.median(gaps)] if len(gaps) else [])]
    agent = values.get("ContrastBolusAgent", "").strip().upper()
    return Traits(
        modality=values.get("Modality", ""),
        names=(values.get("SeriesDescription", ""), values.get("ProtocolName", "")),
        orientation=""
        if np.isnan(normal).any()
        else _PLANES[int(np.abs(normal).argmax())],
        spacing=float(np.max(widest)),
        contrast_agent=agent not in NO_AGENT,
    )


def reason_against_traits(rules: Sequence[SelectRule], traits: Traits) -> str:
    """Why no rule takes a volume; empty if one does, or if there are none.

    Args:
        rules: of which one must fit.
        traits: what they ask about.

    Examples:
        >>> rules = [SelectRule(modality=["MR"], description="t1"), SelectRule()]
        >>> scout = Traits("MR", ("scout",), "axial", 5.0, False)
        >>> reason_against_traits(rules[:1], scout)
        'not selected by ingest.select: rule 1 asks for another description'
        >>> reason_against_traits(rules, scout)
        ''
    """
    if fitting_rule(rules, traits) is not None:
        return ""
    asked = [
        f"rule {number} asks for another {' and '.join(_unmet(rule, traits))}"
        for number, rule in enumerate(rules, 1)
    ]
    return f"not selected by ingest.select: {'; '.join(asked)}" if asked else ""


def fitting_rule(rules: Sequence[SelectRule], traits: Traits) -> int | None:
    """The number of the first rule that takes a volume, from 0.

    Examples:
        >>> rules = [SelectRule(description="t1"), SelectRule(description="flair")]
        >>> fitting_rule(rules, Traits("MR", ("ax flair",), "axial", 5.0, False))
        1
    """
    fits = (number for number, rule in enumerate(rules) if not _unmet(rule, traits))
    return next(fits, None)


def _unmet(rule: SelectRule, traits: Traits) -> list[str]:
    """The keys of a rule that a volume does not meet."""
    return [key for key, fits in _FITS.items() if not fits(rule, traits)]


def _fits_description(rule: SelectRule, traits: Traits) -> bool:
    """Whether a name of the series contains the rule's expression."""
    pattern = re.compile(rule.description or "", re.IGNORECASE)
    return any(pattern.search(name) for name in traits.names)


# A rule's key, and whether the rule does not set it or it is met.
_FITS: Mapping[str, Callable[[SelectRule, Traits], bool]] = {
    "modality": lambda rule, traits: (
        not rule.modality or traits.modality in rule.modality
    ),
    "description": _fits_description,
    "orientation": lambda rule, traits: (
        not rule.orientation or traits.orientation in rule.orientation
    ),
    "max_spacing": lambda rule, traits: (
        rule.max_spacing is None or traits.spacing <= rule.max_spacing
    ),
    "contrast_agent": lambda rule, traits: (
        rule.contrast_agent in {None, traits.contrast_agent}
    ),
}
