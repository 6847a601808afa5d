"""Codes for the names of labels, as far as DICOM's own tables know the names.

References:
    DICOM PS3.16, CID 7151 (Segmentation Property Type) and the groups in it, CID 7140
    (Brain Structure for Volumetric Measurement).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

PRIVATE_SCHEME = "99MEDINORM"

# Groups of types, each with the category that its types belong to. Where a name is in
# several, the first counts.
_GROUPS = {
    "AnatomicalStructure": (7192, 7140),
    "Tissue": (7191,),
    "MorphologicallyAbnormalStructure": (7194,),
    "BodySubstance": (7197,),
    "PhysicalObject": (7193,),
}
_SIDES = {"left": codes.SCT.Left, "right": codes.SCT.Right}


@dataclass(frozen=True)
class LabelCode:
    """What a segment shows, in codes.

    Args:
        category: such as tissue.
        type: such as liver.
        side: left or right, where the name says it beside the type.
    """

    category: Code
    type: Code
    side: Code | None = None


def find_code(value: int, name: str) -> LabelCode:
    """The code of a label by its name.

    Only a name that is exactly that of a code has one; case and blanks do not count.
    Any other label is an anatomical structure with a code of this program, whose
    meaning is the name.

    Args:
        value: of the label.
        name: of the label.

    Examples:
        >>> find_code(3, "left kidney").type.meaning
        'Kidney'
        >>> find_code(3, "shell").type
        Code(value='LABEL-3', scheme_designator='99MEDINORM', meaning='shell', \
scheme_version=None)
    """
    known = _known_codes()
    if code := known.get(_fold(name)):
        return code
    for side, rest in _without_side(name):
        if code := known.get(_fold(rest)):
            return LabelCode(code.category, code.type, _SIDES[side])
    own = Code(f"LABEL-{value}", PRIVATE_SCHEME, name)
    return LabelCode(codes.SCT.AnatomicalStructure, own)


@cache
def _known_codes() -> dict[str, LabelCode]:
    """All codes of the groups, by their folded meaning and keyword."""
    known: dict[str, LabelCode] = {}
    for category, groups in _GROUPS.items():
        of_category = getattr(codes.SCT, category)
        for group in groups:
            for keyword, code in getattr(codes, f"cid{group}").concepts.items():
                label_code = LabelCode(of_category, code)
                for name in (keyword, code.meaning):
                    known.setdefault(_fold(name), label_code)
    return known


def _without_side(name: str) -> Iterator[tuple[str, str]]:
    """A name without the word for a side at its start or its end, and that side."""
    words = name.replace("_", " ").replace(",", " ").split()
    for side in _SIDES:
        if words and words[0].lower() == side:
            yield side, " ".join(words[1:])
        if words and words[-1].lower() == side:
            yield side, " ".join(words[:-1])


def _fold(name: str) -> str:
    """A name's letters and digits, in lower case."""
    return "".join(c for c in name.lower() if c.isalnum())
