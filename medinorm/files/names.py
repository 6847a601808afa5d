"""Text as part of the name of a file."""

import re


def slug(text: str) -> str:
    """Letters, digits and points of a text, hyphens between them.

    Examples:
        >>> slug("GE Signa HDxt 1.5T")
        'GE-Signa-HDxt-1.5T'
    """
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "unknown"
