"""Texts of users that cannot turn the text around them."""

import re

# Marks that change the direction of letters, and control characters.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
# The blocks of scripts that are written from right to left, as in Unicode's
# DerivedBidiClass; between two such letters, what has no direction of its own.
_LETTER = (
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_RUN = re.compile(rf"{_LETTER}+(?:[^\w\n]+{_LETTER}+)*")
_START, _END = "\N{RIGHT-TO-LEFT ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def isolate(text: str) -> str:
    """A text without controls, its right-to-left words kept to themselves.

    Without it, a name in such a script takes the numbers behind it along, and the
    sentence around it is read in the wrong order (Unicode Standard Annex 9).

    Args:
        text: of a user, or with names of users in it.

    Examples:
        >>> isolate("GE \u202e 3T"), len(isolate("\u05d0\u05d1 0.5"))
        ('GE  3T', 8)
    """
    return _RUN.sub(lambda run: f"{_START}{run[0]}{_END}", _CONTROLS.sub("", text))
