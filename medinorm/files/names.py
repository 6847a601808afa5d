"""Names that people gave: what they mean, and how files are called after them."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence

# A file system takes 255 bytes, some take 143; designs, folds and suffixes are added.
_LONGEST = 100
_LONGEST_SHOWN = 80
_HASH_BYTES = 4
_JOINERS = "\u200c\u200d"  # letters of some scripts are joined or parted by these


def clean_name(text: str) -> str:
    r"""A name without what is not seen: single blanks, composed letters, no controls.

    Examples:
        >>> clean_name("\u202eZu\u0308rich\u00a0 2 ")
        'Zürich 2'
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    shown = "".join(
        letter if letter.isspace() or letter in _JOINERS or not _is_control(letter)
        else ""
        for letter in unicodedata.normalize("NFC", text)
    )  # fmt: skip
    return " ".join(shown.split())


def meaning_of(text: str) -> str:
    r"""What a name is compared by: no case, no form of blanks, hyphens and letters.

    Examples:
        >>> meaning_of("SIEMENS_Prisma") == meaning_of("Siemens\u00a0 Prisma")
        True
        >>> meaning_of("Zürich") == meaning_of("Zurich")
        False
    """
    folded = unicodedata.normalize("NFKC", clean_name(text)).casefold()
    spaced = re.sub(r"(?<=[^\W_])[\s_\-\u2010-\u2015]+(?=[^\W_])", " ", folded)
    joiners = dict.fromkeys(map(ord, _JOINERS))
    return unicodedata.normalize("NFKC", spaced.translate(joiners))


def choose_spellings(texts: Sequence[str]) -> dict[str, str]:
    """One spelling for all texts that mean the same: the most frequent, or the first.

    Args:
        texts: names, each as often as it occurs.

    Returns:
        The spelling of each text.

    Examples:
        >>> choose_spellings(["GE", "ge", "ge", "Philips"])
        {'GE': 'ge', 'ge': 'ge', 'Philips': 'Philips'}
    """
    counts = Counter(map(clean_name, texts))
    best: dict[str, str] = {}
    for spelling, _ in counts.most_common():  # equal counts: in the order of the texts
        best.setdefault(meaning_of(spelling), spelling)
    return {text: best[meaning_of(text)] for text in texts}


def slug(text: str) -> str:
    """Letters, digits and points of a text, hyphens between them.

    A text of other scripts, or one that is too long, ends in a hash of it, so that no
    two share a file.

    Examples:
        >>> slug("GE Signa HDxt 1.5T")
        'GE-Signa-HDxt-1.5T'
        >>> slug("Zürich"), slug("北京") == slug("上海")
        ('Zurich-cff71e45', False)
    """
    name = clean_name(text)
    stem = _stem(unicodedata.normalize("NFKD", name))
    if name.isascii() and len(stem) <= _LONGEST:
        return stem or "unknown"
    return _with_hash(stem, name)


def name_files(texts: Collection[str]) -> dict[str, str]:
    """A name of a file for each text, also where capitals do not count.

    It is the text's `slug`, with a hash where two would be the same.

    Examples:
        >>> name_files(["a", "b/c", "B c"])
        {'a': 'a', 'b/c': 'b-c-04e698ba', 'B c': 'B-c-d3d1381c'}
    """
    counts = Counter(slug(text).lower() for text in texts)
    return {
        text: name if counts[name.lower()] == 1 else _with_hash(name, text)
        for text in texts
        for name in [slug(text)]
    }


def shorten_name(text: str) -> str:
    """A name that fits a page: the end of a very long one is a hash of it.

    Examples:
        >>> shorten_name("GE Signa"), len(shorten_name("x" * 10_000))
        ('GE Signa', 80)
    """
    if len(text) <= _LONGEST_SHOWN:
        return text
    digest = _hash(text)
    return f"{text[: _LONGEST_SHOWN - len(digest) - 2]}\u2026 {digest}"


def _stem(text: str) -> str:
    """What a file name may have of a text."""
    letters = "".join(letter for letter in text if not unicodedata.combining(letter))
    return re.sub(r"[^A-Za-z0-9.]+", "-", letters).strip("-")


def _with_hash(stem: str, text: str) -> str:
    """A stem, cut if it is long, with the hash of a text."""
    room = _LONGEST - 2 * _HASH_BYTES - 1
    return f"{stem[:room].strip('-') or 'unknown'}-{_hash(text)}"


def _hash(text: str) -> str:
    """A few characters that differ for different texts."""
    digest = hashlib.blake2b(
        text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES
    )
    return digest.hexdigest()


def _is_control(letter: str) -> bool:
    """Whether a letter is not seen, or turns the direction of others."""
    return unicodedata.category(letter) in {"Cc", "Cf"}
